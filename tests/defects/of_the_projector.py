"""Defects of the projector: positions apart from their rows, old batches written, events left out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import psycopg
import pytest

from projections import transaction
from projections.batch import Batch, Move
from projections.named_sql import LIVE_SCHEMA
from projections.transaction import Overtaken
from projections.views import ledger_entries, payment_events
from projections.views.payments import Snapshot
from tests.defects.case import everywhere

Rows = Callable[..., Iterator[tuple[object, ...]]]


def positions_are_committed_before_their_rows(patch: pytest.MonkeyPatch) -> None:
    sound, move = transaction.write, transaction._move_positions

    def write(connection: psycopg.Connection, batch: Batch, topic_ids: dict[str, str]) -> int:
        with connection.transaction():
            move(connection, batch.moves, topic_ids, LIVE_SCHEMA)
        return sound(connection, batch, topic_ids)

    patch.setattr(transaction, "_move_positions", lambda *_: None)
    everywhere(patch, sound, write)


def a_batch_is_written_wherever_the_positions_are(patch: pytest.MonkeyPatch) -> None:
    sound = transaction._move_positions

    def move(connection: psycopg.Connection, moves: tuple[Move, ...], topic_ids: dict[str, str], schema: str) -> None:
        with contextlib.suppress(Overtaken):
            sound(connection, moves, topic_ids, schema)

    patch.setattr(transaction, "_move_positions", move)


def only_the_newest_event_of_a_payment_is_written(patch: pytest.MonkeyPatch) -> None:
    def newest(sound: Rows) -> Rows:
        def rows(snapshot: Snapshot, *, after_sequence: int) -> Iterable[tuple[object, ...]]:
            return sound(snapshot, after_sequence=max(after_sequence, snapshot.sequence - 1))

        return rows  # type: ignore[return-value]

    for view in (payment_events, ledger_entries):
        patch.setattr(view, "rows", newest(view.rows))
