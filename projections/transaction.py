"""One batch, one transaction: positions first, then rows, so that the views and the positions are never apart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from directory.entities import Kind
from payments.payment import STATUSES
from payments.timestamps import rfc3339
from projections import rollup
from projections.batch import Batch, Move
from projections.named_sql import LIVE_SCHEMA, statement
from projections.views import (
    account_balances,
    command_outcomes,
    daily_failures,
    daily_ledger,
    daily_payments,
    entities,
    ledger_entries,
    open_payments,
    payment_events,
    payments,
    settle_times,
    webhook_deliveries,
)
from projections.views.leases import Stood, paid, terms
from projections.views.payments import Snapshot

# A transition's time is in its payment, its event and its ledger lines: it is spelt once for a batch of thousands.
_time = lru_cache(maxsize=8192)(rfc3339)
# Longer than any batch; a transaction that hangs longer than this ends with an error and is tried again.
STATEMENT_TIMEOUT_MS = 60_000
# Who falls asleep in the middle of a batch (SIGSTOP, a frozen machine) holds its positions, and everybody else off.
ASLEEP_TIMEOUT_MS = 20_000

News = list[tuple[Snapshot, Stood]]
# Cents by tenant and lease.
Paid = dict[tuple[str, str], int]


class Overtaken(Exception):
    """A position of the batch was moved by somebody else, or by us before an answer was lost: nothing was written."""


def session_uri(uri: str, application_name: str) -> str:
    """Return the URI with what sessions that write batches set."""
    given = conninfo_to_dict(uri).get("options") or ""
    # Without waiting for the disk: what a crash of Postgres takes from the end, rows with positions, is in the log.
    ours = f"-c synchronous_commit=off -c timezone=UTC -c jit=off -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    ours += f" -c idle_in_transaction_session_timeout={ASLEEP_TIMEOUT_MS}"
    # Rows are found by their keys, whatever a batch holds: one plan does, and planning costs more than a small batch. A
    # few thousand rows of a table that is young would be looked for by reading all of it.
    ours += " -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
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


def write(
    connection: psycopg.Connection,
    batch: Batch,
    topic_ids: dict[str, str],
    schema: str = LIVE_SCHEMA,
    pay_later: Paid | None = None,
) -> int:
    """Write the batch to the tables of `schema`, whole or not at all, and return how many transitions were new.

    With `pay_later`, what leases were paid is added up there and not written: `pay_leases` is. Raises Overtaken, or
    what Postgres says.
    """
    transitions = 0
    news: News = []
    with connection.transaction():
        _move_positions(connection, batch.moves, topic_ids, schema)
        if batch.snapshots:
            news = _move_payments(connection, batch.snapshots, schema)
        if news:
            transitions = _append_events(connection, news, schema)
            _enter_ledger(connection, news, schema)
            _count(connection, news, schema)
        if batch.rejections or batch.entities:
            with connection.cursor() as cursor:
                cursor.executemany(
                    statement("record_outcome", schema=schema),
                    [command_outcomes.parameters(it) for it in batch.rejections],
                )
                cursor.executemany(
                    statement("move_entity", schema=schema), [entities.parameters(it) for it in batch.entities]
                )
        deliveries = map(webhook_deliveries.row, batch.deliveries)
        _write_arrays(connection, "record_deliveries", webhook_deliveries.COLUMNS, deliveries, schema)
        # Last, because other projectors may wait for these rows until the commit.
        leases = [it for it in batch.entities if it.kind is Kind.LEASE]
        paid_minor: Paid = {(it.tenant_id, it.entity_id): 0 for it in leases}
        _add_paid(news, paid_minor if pay_later is None else pay_later)
        pay_leases(connection, paid_minor, schema)
        if leases:
            with connection.cursor() as cursor:
                cursor.executemany(statement("agree_lease", schema=schema), [terms(it) for it in leases])
    return transitions


def pay_leases(connection: psycopg.Connection, paid_minor: Paid, schema: str) -> None:
    """Add to what leases were paid; one that is not there yet gets its row."""
    if not paid_minor:
        return
    connection.execute(
        statement("pay_leases", schema=schema),
        {
            "tenant_id": [tenant_id for tenant_id, _ in paid_minor],
            "lease_id": [lease_id for _, lease_id in paid_minor],
            "paid_minor": list(paid_minor.values()),
        },
    )


def _move_positions(
    connection: psycopg.Connection, moves: tuple[Move, ...], topic_ids: dict[str, str], schema: str
) -> None:
    # First: a projector that was paused and overtaken must not write rows that are older than what is there. The
    # rows that this locks keep everybody else off these partitions until the commit.
    moved = connection.execute(
        statement("move_positions", schema=schema),
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


def _move_payments(connection: psycopg.Connection, snapshots: tuple[Snapshot, ...], schema: str) -> News:
    """Bring the rows of payments forward, and return those that moved with where each had stood."""
    # The positions are ours until the commit, so nobody else moves these payments meanwhile.
    stood = {
        payment_id: Stood(sequence, STATUSES[status], refunded)
        for payment_id, sequence, status, refunded in connection.execute(
            statement("find_stood", schema=schema), {"payment_id": [it.payment_id for it in snapshots]}
        ).fetchall()
    }
    opened = [it for it in snapshots if it.payment_id not in stood]
    moved = [it for it in snapshots if it.payment_id in stood and stood[it.payment_id].sequence < it.sequence]
    if opened:
        _copy(connection, "copy_payments", payments.TIMES, map(payments.row, opened), schema)
        _write_arrays(connection, "open_payments", open_payments.COLUMNS, open_payments.rows(opened), schema)
    if moved:
        _write_arrays(connection, "move_payments", payments.STEP_COLUMNS, map(payments.step, moved), schema)
    return [(it, Stood()) for it in opened] + [(it, stood[it.payment_id]) for it in moved]


def _append_events(connection: psycopg.Connection, news: News, schema: str) -> int:
    # What the views know of a payment ends at the sequence that its row had: only what came after it is new.
    rows = [row for snapshot, before in news for row in payment_events.rows(snapshot, after_sequence=before.sequence)]
    _copy(connection, "copy_events", payment_events.TIMES, rows, schema)
    return len(rows)


def _enter_ledger(connection: psycopg.Connection, news: News, schema: str) -> None:
    """Enter the lines of what is new, and bring the sums of lines to what they are now."""
    entries = [
        row for snapshot, before in news for row in ledger_entries.rows(snapshot, after_sequence=before.sequence)
    ]
    if not entries:
        return
    _copy(connection, "copy_entries", ledger_entries.TIMES, entries, schema)
    for name, view in (("add_account_balances", account_balances), ("add_daily_ledger", daily_ledger)):
        _add(connection, name, (*view.COLUMNS, "debits_minor", "credits_minor"), view.lines(entries), schema)


def _count(connection: psycopg.Connection, news: News, schema: str) -> None:
    """Bring the sums of payments to what those that moved are now."""
    for name, view in (
        ("count_daily_payments", daily_payments),
        ("count_daily_failures", daily_failures),
        ("count_settle_times", settle_times),
    ):
        lines = (
            line
            for snapshot, before in news
            if snapshot.payment.status in view.STATUSES
            for line in view.lines(snapshot, after_sequence=before.sequence)
        )
        _add(connection, name, (*view.COLUMNS, "count", "amount_minor"), lines, schema)


def _add(
    connection: psycopg.Connection, name: str, columns: tuple[str, ...], lines: Iterable[rollup.Line], schema: str
) -> None:
    sums = rollup.summed(lines)
    _write_arrays(connection, name, columns, ((*key, *pair) for key, pair in sums.items()), schema)


def _add_paid(news: News, paid_minor: Paid) -> None:
    for snapshot, before in news:
        if (change := paid(snapshot, before)) is not None:
            paid_minor[change[0]] = paid_minor.get(change[0], 0) + change[1]


def _copy(
    connection: psycopg.Connection,
    name: str,
    times: tuple[int, ...],
    rows: Iterable[tuple[Any, ...]],
    schema: str,
) -> None:
    """Copy rows to where `name` says; at the places in `times` they have microseconds, or None."""
    with connection.cursor() as cursor, cursor.copy(statement(name, schema=schema)) as copy:
        for row in rows:
            columns = list(row)
            for place in times:
                if (at_us := columns[place]) is not None:
                    columns[place] = _time(at_us)
            copy.write_row(columns)


def _write_arrays(
    connection: psycopg.Connection,
    name: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[object, ...]],
    schema: str,
) -> None:
    """Execute a statement about rows that it is given as an array a column, unless there are none."""
    arrays = [list(values) for values in zip(*rows, strict=True)]
    if arrays:
        connection.execute(statement(name, schema=schema), dict(zip(columns, arrays, strict=True)))
