"""The files that an originator has handed in, held against its log: each entry in one file, the same bytes again."""

from __future__ import annotations

import hashlib
from collections import Counter

from directory.sealing import Keyring
from kafka_log.reader import LogReader
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.filed_contents import contents_of
from rails.ach.payment_file import REFUND_DESCRIPTION, file_name
from rails.ach.phases import Leg
from rails.nacha.addenda import PaymentInformation
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import EntryClass
from rails.nacha.writer import build_file
from schemas import codec
from schemas.topics import ACH_ORIGINATION
from tests.integration.rail_processes import KEYRING
from tests.unit.rails.ach.written_log import read
from tests.unit.rails.nacha.independent_checker import check


def folded(bootstrap: str) -> BookReading:
    """The topic, read by the test and folded into a book of its own."""
    reader = LogReader(bootstrap, client_id="test")
    place = (ACH_ORIGINATION.name, 0)
    end = reader.end_offsets(ACH_ORIGINATION.name)[0]
    reader.assign({place: 0})
    book = Book(None)
    book.adopt("test", end)
    while reader.positions[place] < end:
        for message in reader.read(1000, 1.0):
            value = message.value()
            assert isinstance(value, bytes)
            for number in (b"987654321", b"123456789"):
                assert number not in value, "no account number is on Kafka in clear"
            book.apply([(message.offset() or 0, codec.decode(value))])  # type: ignore[list-item]
    reader.close()
    return BookReading(book.connection)


def rebuilt(reading: BookReading) -> dict[str, bytes]:
    """Every file of a book by its name, built anew."""
    keyring = Keyring.parse(KEYRING)
    files = {}
    for row in reading.files(0, 1000):
        filed = reading.file(row["file_number"])
        assert filed is not None
        data = build_file(contents_of(reading, filed, keyring))
        assert filed.sha256 == hashlib.sha256(data).digest()
        files[file_name(filed.cut_off)] = data
    return files


def entries_of(files: dict[str, bytes]) -> Counter[tuple[str, Leg]]:
    """How often each payment is debited, credited and given back in all the files."""
    found: Counter[tuple[str, Leg]] = Counter()
    for data in files.values():
        assert check(data) == []
        for batch in read(data).batches:
            for entry in batch.entries:
                assert isinstance(entry.addenda, PaymentInformation)
                found[entry.addenda.payment_related_information, _leg_of(batch.header)] += 1
    return found


def _leg_of(header: BatchHeader) -> Leg:
    if header.company_entry_description == REFUND_DESCRIPTION:
        return Leg.GIVE_BACK
    return Leg.DEBIT if header.standard_entry_class is EntryClass.WEB else Leg.CREDIT
