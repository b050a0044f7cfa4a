"""One batch, one transaction: positions first, then rows, so that the views and the positions are never apart."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from directory.entities import Kind
from payments.payment import STATUSES
from projections import rollup
from projections.arrays import array_of
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
from projections.writes import Writes

# Longer than any batch; a transaction that hangs longer than this ends with an error and is tried again.
STATEMENT_TIMEOUT_MS = 60_000
# Who falls asleep in the middle of a batch (SIGSTOP, a frozen machine) holds its positions, and everybody else off.
ASLEEP_TIMEOUT_MS = 20_000

News = list[tuple[Snapshot, Stood]]
# Cents by tenant and lease.
Paid = dict[tuple[str, str], int]
PAID_COLUMNS = ("tenant_id", "lease_id", "paid_minor")
NOWHERE = Stood()  # Of a payment that has no row yet.


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
    with connection.transaction():
        _move_positions(connection, batch.moves, topic_ids, schema)
        news = _news(connection, batch.snapshots, schema) if batch.snapshots else []
        writes = Writes(connection, schema)
        if news:
            _move_payments(writes, news)
            transitions = _append_events(writes, news)
            _enter_ledger(writes, news)
            _count(writes, news)
        if batch.rejections or batch.entities:
            with connection.cursor() as cursor:
                cursor.executemany(
                    statement("record_outcome", schema=schema),
                    [command_outcomes.parameters(it) for it in batch.rejections],
                )
                cursor.executemany(
                    statement("move_entity", schema=schema), [entities.parameters(it) for it in batch.entities]
                )
        writes.add("record_deliveries", webhook_deliveries.COLUMNS, map(webhook_deliveries.row, batch.deliveries))
        # Last, because other projectors may wait for these rows until the commit.
        leases = [it for it in batch.entities if it.kind is Kind.LEASE]
        paid_minor: Paid = {(it.tenant_id, it.entity_id): 0 for it in leases}
        _add_paid(news, paid_minor if pay_later is None else pay_later)
        _pay_leases(writes, paid_minor)
        writes.execute()
        if leases:
            with connection.cursor() as cursor:
                cursor.executemany(statement("agree_lease", schema=schema), [terms(it) for it in leases])
    return transitions


def pay_leases(connection: psycopg.Connection, paid_minor: Paid, schema: str) -> None:
    """Add to what leases were paid; one that is not there yet gets its row."""
    writes = Writes(connection, schema)
    _pay_leases(writes, paid_minor)
    writes.execute()


def _pay_leases(writes: Writes, paid_minor: Paid) -> None:
    writes.add("pay_leases", PAID_COLUMNS, ((*lease, change_minor) for lease, change_minor in paid_minor.items()))


def _move_positions(
    connection: psycopg.Connection, moves: tuple[Move, ...], topic_ids: dict[str, str], schema: str
) -> None:
    # First: a projector that was paused and overtaken must not write rows that are older than what is there. The
    # rows that this locks keep everybody else off these partitions until the commit.
    moved = connection.execute(
        statement("move_positions", schema=schema),
        {
            "topics": array_of([move.topic for move in moves]),
            "partitions": array_of([move.partition for move in moves]),
            "topic_ids": array_of([topic_ids[move.topic] for move in moves]),
            "old": array_of([move.old for move in moves]),
            "new": array_of([move.new for move in moves]),
            "log_ends": array_of([move.log_end for move in moves]),
            "records_at_us": array_of([move.record_at_us for move in moves]),
        },
    )
    if moved.rowcount != len(moves):
        raise Overtaken(f"{len(moves) - moved.rowcount} of {len(moves)} positions are not where this batch began")


def _news(connection: psycopg.Connection, snapshots: tuple[Snapshot, ...], schema: str) -> News:
    """Return the payments whose rows are to be moved or made, each with where it stands."""
    # The positions are ours until the commit, so nobody else moves these payments meanwhile.
    stood = {
        payment_id: Stood(sequence, STATUSES[status], refunded)
        for payment_id, sequence, status, refunded in connection.execute(
            statement("find_stood", schema=schema), {"payment_id": array_of([it.payment_id for it in snapshots])}
        ).fetchall()
    }
    found = [(it, stood.get(it.payment_id, NOWHERE)) for it in snapshots]
    return [(it, before) for it, before in found if before.sequence < it.sequence]


def _move_payments(writes: Writes, news: News) -> None:
    """Bring the rows of payments forward."""
    opened = [it for it, before in news if before is NOWHERE]
    moved = [it for it, before in news if before is not NOWHERE]
    writes.copy("copy_payments", payments.TIMES, [payments.row(it) for it in opened])
    writes.add("open_payments", open_payments.COLUMNS, open_payments.rows(opened))
    writes.add("move_payments", payments.STEP_COLUMNS, map(payments.step, moved))
    writes.add("move_open_payments", open_payments.STEP_COLUMNS, open_payments.steps(moved))
    writes.add("close_payments", open_payments.ENDED_COLUMNS, open_payments.ended(moved))


def _append_events(writes: Writes, news: News) -> int:
    # What the views know of a payment ends at the sequence that its row had: only what came after it is new.
    rows = [row for snapshot, before in news for row in payment_events.rows(snapshot, after_sequence=before.sequence)]
    writes.copy("copy_events", payment_events.TIMES, rows)
    return len(rows)


def _enter_ledger(writes: Writes, news: News) -> None:
    """Enter the lines of what is new, and bring the sums of lines to what they are now."""
    entries = [
        row for snapshot, before in news for row in ledger_entries.rows(snapshot, after_sequence=before.sequence)
    ]
    writes.copy("copy_entries", ledger_entries.TIMES, entries)
    for name, view in (("add_account_balances", account_balances), ("add_daily_ledger", daily_ledger)):
        _add(writes, name, (*view.COLUMNS, "debits_minor", "credits_minor"), view.lines(entries))


def _count(writes: Writes, news: News) -> None:
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
        _add(writes, name, (*view.COLUMNS, "count", "amount_minor"), lines)


def _add(writes: Writes, name: str, columns: tuple[str, ...], lines: Iterable[rollup.Line]) -> None:
    sums = rollup.summed(lines)
    writes.add(name, columns, ((*key, *pair) for key, pair in sums.items()))


def _add_paid(news: News, paid_minor: Paid) -> None:
    for snapshot, before in news:
        if (change := paid(snapshot, before)) is not None:
            paid_minor[change[0]] = paid_minor.get(change[0], 0) + change[1]
