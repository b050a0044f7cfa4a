"""One batch, one transaction: positions first, then rows, so that the views and the positions are never apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from directory.entities import Kind
from payments.payment import Status
from projections import rollup
from projections.batch import Batch, Move
from projections.named_sql import LIVE_SCHEMA, statement
from projections.views import (
    command_outcomes,
    daily_failures,
    daily_payments,
    entities,
    ledger_entries,
    payment_events,
    payments,
    settle_times,
)
from projections.views.leases import Stood, paid, terms
from projections.views.payments import Snapshot

# Longer than any batch; a transaction that hangs longer than this ends with an error and is tried again.
STATEMENT_TIMEOUT_MS = 60_000
# Who falls asleep in the middle of a batch (SIGSTOP, a frozen machine) holds its positions, and everybody else off.
ASLEEP_TIMEOUT_MS = 20_000

News = list[tuple[Snapshot, Stood]]
# Cents by tenant and lease.
Paid = dict[tuple[str, str], int]


class Overtaken(Exception):
    """A position of the batch was moved by somebody else, or by us before an answer was lost: nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Which tables a batch is written to. Without `has_keys`, events and ledger lines have no unique keys yet."""

    schema: str
    has_keys: bool

    def statement(self, name: str) -> LiteralString:
        return statement(name, _WITH_KEYS if self.has_keys else frozenset(), self.schema)


_WITH_KEYS = frozenset({"keys"})
LIVE = Tables(schema=LIVE_SCHEMA, has_keys=True)


def session_uri(uri: str, application_name: str) -> str:
    """Return the URI with what sessions that write batches set."""
    given = conninfo_to_dict(uri).get("options") or ""
    # Without waiting for the disk: what a crash of Postgres takes from the end, rows with positions, is in the log.
    ours = f"-c synchronous_commit=off -c timezone=UTC -c jit=off -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    ours += f" -c idle_in_transaction_session_timeout={ASLEEP_TIMEOUT_MS}"
    # Temporary tables are small and emptied often: they stay in memory.
    ours += " -c temp_buffers=64MB -c plan_cache_mode=force_custom_plan"
    # A server that vanished without a word (a pulled cable) is noticed in half a minute.
    return make_conninfo(
        uri,
        options=f"{given} {ours}".strip(),
        application_name=application_name,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=4,
        tcp_user_timeout=30_000,
    )


def prepare(connection: psycopg.Connection) -> None:
    """Make the tables that batches are copied to; once a connection, before its first batch."""
    with connection.transaction():
        connection.execute(statement("incoming_tables"), prepare=False)


def write(
    connection: psycopg.Connection,
    batch: Batch,
    topic_ids: dict[str, str],
    tables: Tables = LIVE,
    pay_later: Paid | None = None,
) -> int:
    """Write the batch, whole or not at all, and return how many transitions were new.

    With `pay_later`, what leases were paid is added up there and not written: `pay_leases` is. Raises Overtaken, or
    what Postgres says.
    """
    transitions = 0
    news: News = []
    with connection.transaction():
        _move_positions(connection, batch.moves, topic_ids, tables)
        if batch.snapshots:
            news = _move_payments(connection, batch.snapshots, tables)
        if news:
            transitions = _append_histories(connection, news, tables)
            _count(connection, news, tables)
        if batch.rejections or batch.entities:
            with connection.cursor() as cursor:
                cursor.executemany(
                    tables.statement("record_outcome"), [command_outcomes.parameters(it) for it in batch.rejections]
                )
                cursor.executemany(tables.statement("move_entity"), [entities.parameters(it) for it in batch.entities])
        # Last, because other projectors may wait for these rows until the commit.
        leases = [it for it in batch.entities if it.kind is Kind.LEASE]
        paid_minor: Paid = {(it.tenant_id, it.entity_id): 0 for it in leases}
        _add_paid(news, paid_minor if pay_later is None else pay_later)
        pay_leases(connection, paid_minor, tables)
        if leases:
            with connection.cursor() as cursor:
                cursor.executemany(tables.statement("agree_lease"), [terms(it) for it in leases])
    return transitions


def pay_leases(connection: psycopg.Connection, paid_minor: Paid, tables: Tables) -> None:
    """Add to what leases were paid; one that is not there yet gets its row."""
    if not paid_minor:
        return
    connection.execute(
        tables.statement("pay_leases"),
        {
            "tenant_id": [tenant_id for tenant_id, _ in paid_minor],
            "lease_id": [lease_id for _, lease_id in paid_minor],
            "paid_minor": list(paid_minor.values()),
        },
    )


def _move_positions(
    connection: psycopg.Connection, moves: tuple[Move, ...], topic_ids: dict[str, str], tables: Tables
) -> None:
    # First: a projector that was paused and overtaken must not write rows that are older than what is there. The
    # rows that this locks keep everybody else off these partitions until the commit.
    moved = connection.execute(
        tables.statement("move_positions"),
        {
            "topics": [move.topic for move in moves],
            "partitions": [move.partition for move in moves],
            "topic_ids": [topic_ids[move.topic] for move in moves],
            "old": [move.old for move in moves],
            "new": [move.new for move in moves],
            "log_ends": [move.log_end for move in moves],
            "records_at_us": [move.record_at_us for move in moves],
        },
    )
    if moved.rowcount != len(moves):
        raise Overtaken(f"{len(moves) - moved.rowcount} of {len(moves)} positions are not where this batch began")


def _move_payments(connection: psycopg.Connection, snapshots: tuple[Snapshot, ...], tables: Tables) -> News:
    """Move the rows of payments, and return those that moved with where each had stood."""
    _copy(connection, statement("copy_payments"), map(payments.row, snapshots))
    stood = {
        payment_id: Stood(sequence, Status(status), refunded) if sequence else Stood()
        for payment_id, sequence, status, refunded in connection.execute(tables.statement("move_payments")).fetchall()
    }
    return [(snapshot, stood[snapshot.payment_id]) for snapshot in snapshots if snapshot.payment_id in stood]


def _append_histories(connection: psycopg.Connection, news: News, tables: Tables) -> int:
    # What the views know of a payment ends at the sequence that its row had: only what came after it is new.
    transitions = _copy(
        connection,
        statement("copy_events"),
        (row for snapshot, before in news for row in payment_events.rows(snapshot, after_sequence=before.sequence)),
    )
    connection.execute(tables.statement("append_events"))
    if _copy(
        connection,
        statement("copy_entries"),
        (row for snapshot, before in news for row in ledger_entries.rows(snapshot, after_sequence=before.sequence)),
    ):
        connection.execute(tables.statement("enter_ledger"))
    return transitions


def _count(connection: psycopg.Connection, news: News, tables: Tables) -> None:
    """Bring the sums to what the payments that moved are now."""
    for name, view, values in (
        ("count_daily_payments", daily_payments, ("count", "amount_minor")),
        ("count_daily_failures", daily_failures, ("count", "amount_minor")),
        ("count_settle_times", settle_times, ("count",)),
    ):
        sums = rollup.summed(
            line
            for snapshot, before in news
            if snapshot.payment.status in view.STATUSES
            for line in view.lines(snapshot, after_sequence=before.sequence)
        )
        if sums:
            connection.execute(tables.statement(name), rollup.parameters(view.COLUMNS, values, sums))


def _add_paid(news: News, paid_minor: Paid) -> None:
    for snapshot, before in news:
        if (change := paid(snapshot, before)) is not None:
            paid_minor[change[0]] = paid_minor.get(change[0], 0) + change[1]


def _copy(connection: psycopg.Connection, command: LiteralString, rows: Iterable[tuple[object, ...]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for count, row in enumerate(rows, start=1):  # noqa: B007
            copy.write_row(row)
    return count
