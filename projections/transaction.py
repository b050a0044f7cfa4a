"""One batch, one transaction: positions first, then rows, so that the views and the positions are never apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from projections.batch import Batch, Move
from projections.named_sql import LIVE_SCHEMA, statement
from projections.views import command_outcomes, entities, ledger_entries, payment_events, payments
from projections.views.payments import Snapshot

# Longer than any batch; a transaction that hangs longer than this ends with an error and is tried again.
STATEMENT_TIMEOUT_MS = 60_000
# Who falls asleep in the middle of a batch (SIGSTOP, a frozen machine) holds its positions, and everybody else off.
ASLEEP_TIMEOUT_MS = 20_000


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


def write(connection: psycopg.Connection, batch: Batch, topic_ids: dict[str, str], tables: Tables = LIVE) -> int:
    """Write the batch, whole or not at all, and return how many transitions were new.

    Raises Overtaken, or what Postgres says.
    """
    transitions = 0
    with connection.transaction():
        _move_positions(connection, batch.moves, topic_ids, tables)
        if batch.snapshots:
            transitions = _move_payments(connection, batch.snapshots, tables)
        if batch.rejections or batch.entities:
            with connection.cursor() as cursor:
                cursor.executemany(
                    tables.statement("record_outcome"), [command_outcomes.parameters(it) for it in batch.rejections]
                )
                cursor.executemany(tables.statement("move_entity"), [entities.parameters(it) for it in batch.entities])
    return transitions


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


def _move_payments(connection: psycopg.Connection, snapshots: tuple[Snapshot, ...], tables: Tables) -> int:
    _copy(connection, statement("copy_payments"), map(payments.row, snapshots))
    moved: dict[str, int | None] = dict(connection.execute(tables.statement("move_payments")).fetchall())
    # What the views know of a payment ends at the sequence that its row had: only what came after it is new.
    news = [(snapshot, moved[snapshot.payment_id] or 0) for snapshot in snapshots if snapshot.payment_id in moved]
    if not news:
        return 0
    transitions = _copy(
        connection,
        statement("copy_events"),
        (row for snapshot, known in news for row in payment_events.rows(snapshot, after_sequence=known)),
    )
    connection.execute(tables.statement("append_events"))
    if _copy(
        connection,
        statement("copy_entries"),
        (row for snapshot, known in news for row in ledger_entries.rows(snapshot, after_sequence=known)),
    ):
        connection.execute(tables.statement("enter_ledger"))
    return transitions


def _copy(connection: psycopg.Connection, command: LiteralString, rows: Iterable[tuple[object, ...]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for count, row in enumerate(rows, start=1):  # noqa: B007
            copy.write_row(row)
    return count
