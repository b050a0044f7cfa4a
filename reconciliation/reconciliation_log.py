"""The one writer of the topic `reconciliation`: appends findings with the reports that repair, then folds them."""

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
from payments.commands import RailReport
from reconciliation import metrics
from reconciliation.book import Book
from reconciliation.payment_fold import PaymentFold
from schemas import codec
from schemas.partitioning import partition_of
from schemas.reconciliation import ItemResolution, ReconciliationRecord, StatementFinding
from schemas.topics import PAYMENT_EVENTS, RAIL_REPORTS, RECONCILIATION

log = structlog.get_logger(__name__)

# The same for every reconciler of a cluster: there is one at a time.
TRANSACTIONAL_ID = "directpay-reconciler"
PLACE = (RECONCILIATION.name, 0)
RECORDS_A_READ_MAX = 2000
READ_WAIT_S = 0.5
MARKER = 1  # Behind the records of a transaction stands one that says how it ended.


class Superseded(Exception):
    """Another reconciler has written: this one's book is behind, and it must end."""


class ReconciliationLog:
    """The topic, payment-events, and the book of both in `path`. After an exception of any method, the process ends."""

    def __init__(self, bootstrap: str, path: Path, *, partitions: int, instance: str) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._instance = instance
        self._writer = OnlyWriter(bootstrap, transactional_id=TRANSACTIONAL_ID, client_id=instance)
        self._reader = LogReader(bootstrap, client_id=f"{instance}-log")
        self.book = Book(path)
        self._payments: PaymentFold | None = None
        self._end = 0

    def open(self) -> None:
        """Shut out whoever wrote before, and bring the book to the end of its own topic."""
        self._writer.fence()
        self._end = self._reader.end_offsets(PLACE[0])[PLACE[1]]
        identity = " ".join(log_identity(self._bootstrap, topic) for topic in (PLACE[0], PAYMENT_EVENTS.name))
        if not self.book.adopt(identity, self._end):
            log.warning("reconciliation_book_of_another_log_dropped")
        self._payments = PaymentFold(self._bootstrap, self.book, client_id=f"{self._instance}-payments")
        folded = self._catch_up()
        log.info("reconciliation_book_opened", next_offset=self.book.next_offset, folded=folded)

    @property
    def payments(self) -> PaymentFold:
        """The payments; only after `open`."""
        assert self._payments is not None, "open first"
        return self._payments

    def append(self, records: Sequence[ReconciliationRecord], reports: Sequence[RailReport] = ()) -> None:
        """Write records and reports, together, and fold the records. Raises KafkaException: what is written is unknown.

        Finding and report are one transaction: a payment is never told of what is not on record, nor told twice.
        """
        topic, partition = PLACE
        found = [
            OutRecord(topic=topic, key=_key(record), value=codec.encode(record), partition=partition)
            for record in records
        ]
        told = [
            OutRecord(
                topic=RAIL_REPORTS.name,
                key=report.key,
                value=codec.encode(report),
                partition=partition_of(report.key, self._partitions),
            )
            for report in reports
        ]
        offsets = self._writer.append([*found, *told])[: len(found)]
        self.book.apply(list(zip(offsets, records, strict=True)))
        self._end = offsets[-1] + 1 + MARKER
        for record in records:
            name = record.verdict.value if isinstance(record, StatementFinding) else type(record).__name__
            metrics.RECORDS.labels(name).inc()

    def require_unsuperseded(self) -> None:
        """Raise Superseded when the log goes on behind what was written here."""
        try:
            end = self._reader.end_offsets(PLACE[0])[PLACE[1]]
        except KafkaException as error:
            # Nobody else can write either.
            log.warning("reconciliation_end_not_known", error=str(error))
            return
        if end > self._end:
            raise Superseded(f"{PLACE[0]} ends at {end}, we have written to {self._end}")

    def close(self) -> None:
        self._writer.close()
        self._reader.close()
        if self._payments is not None:
            self._payments.close()
        self.book.close()

    def _catch_up(self) -> int:
        at, folded = self.book.next_offset, 0
        self._reader.assign({PLACE: at})
        while at < self._end:
            messages = self._reader.read(RECORDS_A_READ_MAX, READ_WAIT_S)
            self.book.apply([_read(message) for message in messages])
            folded += len(messages)
            at = self._reader.positions[PLACE]
        return folded


def _read(message: Message) -> tuple[int, ReconciliationRecord]:
    offset = message.offset()
    assert offset is not None
    # What cannot be read stops the reconciler: a fold that passes over a record finds its booking a second time.
    record = codec.decode(message.value())
    assert isinstance(record, get_args(ReconciliationRecord)), "nothing else is written there"
    return offset, record


def _key(record: ReconciliationRecord) -> str:
    return record.finding_id if isinstance(record, StatementFinding | ItemResolution) else record.import_id
