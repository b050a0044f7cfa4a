"""However large a file is, or claims to become, reading and writing it takes the same memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile
from rails.simulated.statements.writer import write_statements
from reconciliation.statements.faults import InvalidStatement, Rule
from reconciliation.statements.reader import read_statements
from tests.unit.reconciliation.statements.bank_files import CREATED_AT, DAY
from tests.unit.reconciliation.statements.test_broken_statements import FOLDER

MIB = 2**20


class Stream(io.BytesIO):
    """A file of the pieces that come; `given` bytes of it have been read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = bytearray()
        self.given = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        while len(self._rest) < size and (piece := next(self._pieces, b"")):
            self._rest += piece
        data = bytes(self._rest[:size])
        del self._rest[:size]
        self.given += len(data)
        return data


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("form", "entries"), [("camt.053", 5_000), ("bai2", 20_000), ("csv", 15_000)])
def test_a_large_statement_is_written_and_read_in_the_memory_of_a_small_one(form: str, entries: int) -> None:
    item = Item(amount_minor=1, reference="BK-1", trace_number="121042880000001", text=" ".join(["rent"] * 20))
    booking = Booking(kind=Kind.ACH, item=item, booked_on=DAY, valued_on=DAY)
    statement = AccountStatement(
        account="1",
        statement_id="1",
        currency="USD",
        opening_minor=0,
        first_day=DAY,
        last_day=DAY,
        bookings=[booking] * entries,
    )
    file = StatementFile(sender="1", receiver="2", created_at=CREATED_AT, number=1, statements=[statement])
    stream = Stream(write_statements(file, form))
    parts = 0

    def work() -> None:
        nonlocal parts
        parts = sum(1 for _ in read_statements(stream))

    peak = peak_of(work)
    assert parts == entries + 2
    assert stream.given > 2 * MIB
    assert peak < MIB


DOCUMENT = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>'
ENDLESS = {
    "a prolog of comments": ([b"<?xml version='1.0'?>"], b"<!-- nothing -->", Rule.TOO_LARGE),
    "a comment": ([DOCUMENT, b"<!--"], b"x" * 1000, Rule.TOO_LARGE),
    "an attribute": ([DOCUMENT, b'<Acct Ccy="'], b"x" * 1000, Rule.TOO_LARGE),
    "a text": ([DOCUMENT, b"<Id>"], b"x" * 1000, Rule.WIDTH),
    "a nest": ([DOCUMENT], b"<Acct>", Rule.TOO_LARGE),
    "a line of BAI2": ([b"01,1"], b"x" * 1000, Rule.TOO_LARGE),
    "a record of BAI2": ([b"01,1/\n"], b"88,,,,/\n", Rule.TOO_LARGE),
    "a line of the table": ([b"row,"], b"x" * 1000, Rule.TOO_LARGE),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_refused_soon(name: str) -> None:
    beginning, more, rule = ENDLESS[name]
    stream = Stream(chain(beginning, repeat(more)))

    def work() -> None:
        with pytest.raises(InvalidStatement) as refused:
            list(read_statements(stream))
        assert refused.value.fault.rule is rule

    assert peak_of(work) < 8 * MIB
    assert stream.given < 4 * MIB


TEXTS = b"".join([b"<Ustrd>" + b"x" * 140 + b"</Ustrd>"] * 100)
ENTRIES = {
    "day.v08.xml": (b"<NtryDtls>\n", b"<TxDtls><RmtInf>" + TEXTS + b"</RmtInf></TxDtls>"),
    "day.csv": (b"20261201-A,,2\n", b"item" + b"," * 6 + b"debit" + b"," * 8 + b"x" * 500 + b",,,\n"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_never_ends_is_refused(name: str) -> None:
    until, more = ENTRIES[name]
    beginning, _, _ = (FOLDER / name).read_bytes().partition(until)
    stream = Stream(chain([beginning + until], repeat(more)))
    with pytest.raises(InvalidStatement) as refused:
        list(read_statements(stream))
    assert refused.value.fault.rule is Rule.TOO_LARGE
    assert "characters of text" in refused.value.fault.detail
    assert stream.given < 16 * MIB


def test_names_without_number_are_refused_soon() -> None:
    names = (b"<n%d/>" % number for number in range(10**9))
    stream = Stream(chain([DOCUMENT], names))
    with pytest.raises(InvalidStatement) as refused:
        list(read_statements(stream))
    assert refused.value.fault.rule is Rule.TOO_LARGE
    assert stream.given < 4 * MIB


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE Document [<!ENTITY l0 "lol">{LAUGHS}]>',
        '<!DOCTYPE Document [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/camt.dtd">',
        '<!DOCTYPE Document [<!ENTITY % more SYSTEM "http://127.0.0.1:9/more"> %more;]>',
    ],
)
def test_entities_are_neither_expanded_nor_fetched(doctype: str) -> None:
    data = doctype.encode() + DOCUMENT + b"<Id>&l9;</Id></Stmt></BkToCstmrStmt></Document>"

    def work() -> None:
        with pytest.raises(InvalidStatement) as refused:
            list(read_statements(io.BytesIO(data)))
        assert refused.value.fault.rule is Rule.DOCTYPE

    assert peak_of(work) < MIB
