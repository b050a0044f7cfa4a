"""A log of payments and leases in memory, projected in batches cut anywhere, straight to a migrated database."""

from __future__ import annotations

import uuid
from datetime import date
from itertools import pairwise

import psycopg

from directory.changes import DirectoryRecord, State
from directory.entities import Kind, Lease
from payments.payment import Payment
from payments.schedule import due_dates
from projections.batch import LogRecord, Place, read_batch
from projections.named_sql import statement
from projections.transaction import write
from schemas.codec import decode, encode
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS
from tests.integration.projected_log import T0_US

PARTITIONS = 2
TOPIC_IDS = {PAYMENT_EVENTS.name: "p", DIRECTORY_EVENTS.name: "d"}


def empty(connection: psycopg.Connection) -> None:
    """Empty every table and put every position at 0."""
    tables = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'projection'::regnamespace AND relkind = 'r'"
    ).fetchall()
    names = ", ".join(f"projection.{name}" for (name,) in tables if name != "migrations")
    connection.execute(f"TRUNCATE {names}".encode())
    topics = sorted(TOPIC_IDS)
    connection.execute(
        statement("open_positions"),
        {
            "topics": [topic for topic in topics for _ in range(PARTITIONS)],
            "partitions": list(range(PARTITIONS)) * len(topics),
            "topic_ids": [TOPIC_IDS[topic] for topic in topics for _ in range(PARTITIONS)],
            "begins": [0] * PARTITIONS * len(topics),
            "log_ends": [0] * PARTITIONS * len(topics),
        },
    )


class Log:
    """Records as they are written, each value on a partition of its own choosing."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self._ends: dict[Place, int] = {}

    def add(self, value: Payment | DirectoryRecord) -> None:
        topic = PAYMENT_EVENTS.name if isinstance(value, Payment) else DIRECTORY_EVENTS.name
        key = value.payment_id if isinstance(value, Payment) else value.entity_id
        place = (topic, uuid.UUID(key).int % PARTITIONS)
        offset = self._ends[place] = self._ends.get(place, -1) + 1
        sequence = value.last.sequence if isinstance(value, Payment) else None
        self.records.append(
            LogRecord(
                topic=topic,
                partition=place[1],
                offset=offset,
                key=key.encode(),
                value=encode(value),
                sequence=sequence,
                at_us=T0_US,
            )
        )


def project(connection: psycopg.Connection, log: Log, cuts: list[int]) -> None:
    positions: dict[Place, int] = {(topic, partition): 0 for topic in TOPIC_IDS for partition in range(PARTITIONS)}
    for begin, end in pairwise([0, *cuts, len(log.records)]):
        batch = read_batch(log.records[begin:end], positions, {}, decode)
        if batch.moves:
            write(connection, batch, TOPIC_IDS)
            positions |= {(move.topic, move.partition): move.new for move in batch.moves}


def lease(
    number: int, terms: Lease, *, tenant_id: str = "rows", state: State = State.ACTIVE, version: int = 1
) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"lease-{number}")),
        tenant_id=tenant_id, kind=Kind.LEASE, state=state, version=version, created_by=str(uuid.UUID(int=1)),
        changed_by=str(uuid.UUID(int=version)), fingerprint=b"f" * 32, created_at_us=T0_US, updated_at_us=T0_US,
        entity=terms,
    )  # fmt: skip


def rent(start: date, *, due_day: int = 1, end: date | None = None, rent_minor: int = 100_000) -> Lease:
    someone = str(uuid.UUID(int=7))
    return Lease(
        property_id=someone,
        renter_id=someone,
        rent_amount_minor=rent_minor,
        due_day=due_day,
        start_date=start,
        end_date=end,
    )


def ledger_of(terms: Lease, *, paid_minor: int, today: date) -> list[tuple[date, int, int, bool]]:
    """Return what a lease's ledger must be, oldest first: due date, due and paid (cents), and whether it is late."""
    ledger = []
    for due in due_dates(due_day=terms.due_day, start=terms.start_date, end=terms.end_date):
        part = min(paid_minor, terms.rent_amount_minor)
        paid_minor -= part
        ledger.append((due, terms.rent_amount_minor, part, due < today and part < terms.rent_amount_minor))
        if due >= today:
            break
    return ledger
