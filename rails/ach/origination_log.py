"""The one writer of ach-origination: appends records, then folds what it appended. Everything blocks, in one thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import structlog
from confluent_kafka import KafkaException, Message

from kafka_log.identity import log_identity
from kafka_log.producer import OutRecord
from kafka_log.reader import LogReader
from kafka_log.transactions import OnlyWriter
from rails.ach import metrics
from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from schemas import codec
from schemas.origination import AchNotice, AchPayment, AchRecord, AchReturn
from schemas.topics import ACH_ORIGINATION

log = structlog.get_logger(__name__)

# The same for every originator of a cluster: there is one at a time.
TRANSACTIONAL_ID = "directpay-ach-originator"
PLACE = (ACH_ORIGINATION.name, 0)
RECORDS_A_READ_MAX = 2000
READ_WAIT_S = 0.5
MARKER = 1  # Behind the records of a transaction stands one that says how it ended.


class Superseded(Exception):
    """Another originator has written: this one's book is behind, and it must end."""


class OriginationLog:
    """The topic and the book of it in `path`. After an exception of any method, the process ends."""

    def __init__(self, bootstrap: str, path: Path, *, instance: str) -> None:
        self._bootstrap = bootstrap
        self._writer = OnlyWriter(bootstrap, transactional_id=TRANSACTIONAL_ID, client_id=instance)
        self._reader = LogReader(bootstrap, client_id=f"{instance}-log")
        self._book = Book(path)
        self._end = 0
        self.identity = ""

    @property
    def reading(self) -> BookReading:
        """What the book says, for the thread that writes."""
        return BookReading(self._book.connection)

    def open(self) -> None:
        """Shut out whoever wrote before, and bring the book to the log's end."""
        self._writer.fence()
        self._end = self._reader.end_offsets(PLACE[0])[PLACE[1]]
        self.identity = log_identity(self._bootstrap, PLACE[0])
        if not self._book.adopt(self.identity, self._end):
            log.warning("ach_book_of_another_log_dropped")
        folded = self._catch_up()
        log.info("ach_book_opened", next_offset=self._book.next_offset, folded=folded)

    def append(self, records: Sequence[AchRecord]) -> None:
        """Write records down, together, and fold them. Raises KafkaException: whether they are written is unknown."""
        topic, partition = PLACE
        offsets = self._writer.append(
            [
                OutRecord(topic=topic, key=_key(record), value=codec.encode(record), partition=partition)
                for record in records
            ]
        )
        self._book.apply(list(zip(offsets, records, strict=True)))
        self._end = offsets[-1] + 1 + MARKER
        for record in records:
            metrics.RECORDS.labels(type(record).__name__).inc()

    def require_unsuperseded(self) -> None:
        """Raise Superseded when the log goes on behind what was written here."""
        try:
            end = self._reader.end_offsets(PLACE[0])[PLACE[1]]
        except KafkaException as error:
            # Nobody else can write either.
            log.warning("ach_origination_end_not_known", error=str(error))
            return
        if end > self._end:
            raise Superseded(f"{PLACE[0]} ends at {end}, we have written to {self._end}")

    def close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._book.close()

    def _catch_up(self) -> int:
        at, folded = self._book.next_offset, 0
        self._reader.assign({PLACE: at})
        while at < self._end:
            messages = self._reader.read(RECORDS_A_READ_MAX, READ_WAIT_S)
            self._book.apply([_read(message) for message in messages])
            folded += len(messages)
            at = self._reader.positions[PLACE]
        return folded


def _read(message: Message) -> tuple[int, AchRecord]:
    offset = message.offset()
    assert offset is not None
    # What cannot be read stops the originator: a fold that passes over a record builds other files.
    record = codec.decode(message.value())
    assert isinstance(record, get_args(AchRecord)), "nothing else is written there"
    return offset, record


def _key(record: AchRecord) -> str:
    if isinstance(record, AchPayment):
        return record.reference
    if isinstance(record, AchReturn | AchNotice):
        return record.file_sha256.hex()
    return str(record.file_number)
