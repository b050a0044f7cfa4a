"""One batch, one transaction: positions first, then rows, so that the views and the positions are never apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString

import psycopg

from projections.batch import Batch, Move
from projections.named_sql import statement
from projections.views import command_outcomes, entities, ledger_entries, payment_events, payments
from projections.views.payments import Snapshot


class Overtaken(Exception):
    """A position of the batch was moved by somebody else, or by us before an answer was lost: nothing was written."""


def prepare(connection: psycopg.Connection) -> None:
    """Make the tables that batches are copied to; once a connection, before its first batch."""
    with connection.transaction():
        connection.execute(statement("incoming_tables"), prepare=False)


def write(connection: psycopg.Connection, batch: Batch, topic_ids: dict[str, str]) -> int:
    """Write the batch, whole or not at all, and return how many transitions were new.

    Raises Overtaken, or what Postgres says.
    """
    transitions = 0
    with connection.transaction():
        _move_positions(connection, batch.moves, topic_ids)
        if batch.snapshots:
            transitions = _move_payments(connection, batch.snapshots)
        if batch.rejections or batch.entities:
            with connection.cursor() as cursor:
                cursor.executemany(
                    statement("record_outcome"), [command_outcomes.parameters(it) for it in batch.rejections]
                )
                cursor.executemany(statement("move_entity"), [entities.parameters(it) for it in batch.entities])
    return transitions


def _move_positions(connection: psycopg.Connection, moves: tuple[Move, ...], topic_ids: dict[str, str]) -> None:
    # First: a projector that was paused and overtaken must not write rows that are older than what is there. The
    # rows that this locks keep everybody else off these partitions until the commit.
    moved = connection.execute(
        statement("move_positions"),
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


def _move_payments(connection: psycopg.Connection, snapshots: tuple[Snapshot, ...]) -> int:
    _copy(connection, statement("copy_payments"), map(payments.row, snapshots))
    moved: dict[str, int | None] = dict(connection.execute(statement("move_payments")).fetchall())
    # What the views know of a payment ends at the sequence that its row had: only what came after it is new.
    news = [(snapshot, moved[snapshot.payment_id] or 0) for snapshot in snapshots if snapshot.payment_id in moved]
    if not news:
        return 0
    transitions = _copy(
        connection,
        statement("copy_events"),
        (row for snapshot, known in news for row in payment_events.rows(snapshot, after_sequence=known)),
    )
    connection.execute(statement("append_events"))
    if _copy(
        connection,
        statement("copy_entries"),
        (row for snapshot, known in news for row in ledger_entries.rows(snapshot, after_sequence=known)),
    ):
        connection.execute(statement("enter_ledger"))
    return transitions


def _copy(connection: psycopg.Connection, command: LiteralString, rows: Iterable[tuple[object, ...]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for count, row in enumerate(rows, start=1):  # noqa: B007
            copy.write_row(row)
    return count
