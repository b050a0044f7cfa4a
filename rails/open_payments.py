"""The gateway's durable state: the open payments of its partitions, the offsets they reflect, its place in the feed.

All of it can be had again from Kafka and the bank, so a commit need not reach the disk (`synchronous=NORMAL`): after a
power cut an older state is read on from its own, older offset. Rows and offsets are one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from kafka_log.sql_files import read_statements
from kafka_log.state_file import Tables, open_state_file, transaction
from rails.agenda import By

_FOLDER = Path(__file__).parent / "sql"
_SQL = read_statements(_FOLDER / "statements.sql")
# State of another shape is dropped, and had again.
_TABLES = Tables(schema=_FOLDER / "payments.sql", shape=2, dropped="open_payments_dropped")


class Keep(Struct, frozen=True, kw_only=True):
    """An open payment's newest record (`value`, as on the topic); `act_at_us`, by the clock that `by` names, is None
    while it is in hand."""

    partition: int
    is_pending: bool
    due_at_us: int
    act_at_us: int | None
    by: By = By.BUSINESS
    value: bytes


class Act(Struct, frozen=True, kw_only=True):
    """Only the time of the next look has changed; None while it is in hand."""

    act_at_us: int | None
    by: By = By.BUSINESS


class Close(Struct, frozen=True, kw_only=True):
    """The payment has gone its way."""


Change = Keep | Act | Close


class Changes(Struct, frozen=True, kw_only=True):
    """What happened since the last save: the last change of each payment, the offsets and the cursor they lead to."""

    payments: Mapping[str, Change] = {}
    next_offsets: Mapping[int, int] = {}
    feed_cursor: str | None = None


class Kept(Struct, frozen=True, kw_only=True):
    """A payment as it lies in the store."""

    payment_id: str
    partition: int
    value: bytes
    act_at_us: int
    by: By = By.BUSINESS


class OpenPayments:
    """The state in `path`. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self._connection = open_state_file(path, _TABLES)

    def close(self) -> None:
        self._connection.close()

    def adopt(self, identity: str) -> bool:
        """Make this the state of the log with this identity; False: it was another's and had to be emptied."""
        with transaction(self._connection) as connection:
            row = connection.execute(_SQL["read_source"]).fetchone()
            is_ours = row is None or row["identity"] == identity
            if not is_ours:
                for forget in ("forget_source", "forget_partitions", "forget_payments"):
                    connection.execute(_SQL[forget])
            connection.execute(_SQL["adopt"], {"identity": identity})
        return is_ours

    def begin(self, partition: int) -> int:
        """Take a partition up: everything open in it is to be looked at again. Return from which offset to read on."""
        with transaction(self._connection) as connection:
            connection.execute(_SQL["begin_anew"], {"partition": partition})
            row = connection.execute(_SQL["read_offset"], {"partition": partition}).fetchone()
        return 0 if row is None else int(row["next_offset"])

    def forget(self, partition: int) -> None:
        """Drop what is kept of a partition, so that it is read from its start."""
        with transaction(self._connection) as connection:
            connection.execute(_SQL["forget_partition"], {"partition": partition})
            connection.execute(_SQL["forget_payments_of"], {"partition": partition})

    def save(self, changes: Changes) -> None:
        """Write everything, or nothing."""
        keep, act, close = _by_kind(changes.payments)
        offsets = [{"partition": p, "next_offset": o} for p, o in changes.next_offsets.items()]
        with transaction(self._connection) as connection:
            connection.executemany(_SQL["keep"], keep)
            connection.executemany(_SQL["act"], act)
            connection.executemany(_SQL["close"], close)
            connection.executemany(_SQL["save_offset"], offsets)
            if changes.feed_cursor is not None:
                connection.execute(_SQL["save_cursor"], {"feed_cursor": changes.feed_cursor})

    def to_act_on(self, partitions: Iterable[int], *, until_us: int, machine_until_us: int, most: int) -> list[Kept]:
        """Return the payments to be looked at until then by the one clock or the other, earliest first."""
        wanted = {
            "partitions": json.dumps(sorted(partitions)),
            "until_us": until_us,
            "machine_until_us": machine_until_us,
            "most": most,
        }
        return [_kept(row) for row in self._connection.execute(_SQL["to_act_on"], wanted)]

    def feed_cursor(self) -> str:
        row = self._connection.execute(_SQL["read_source"]).fetchone()
        return "" if row is None else str(row["feed_cursor"])

    def count(self, partition: int) -> int:
        return int(self._connection.execute(_SQL["count"], {"partition": partition}).fetchone()[0])


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(
        payment_id=row["payment_id"],
        partition=row["partition"],
        value=row["value"],
        act_at_us=row["act_at_us"],
        by=By(row["act_by"]),
    )


def merged(earlier: Change | None, later: Change) -> Change:
    """Return the one change that does what both do."""
    if isinstance(later, Act) and isinstance(earlier, Keep):
        return Keep(
            partition=earlier.partition,
            is_pending=earlier.is_pending,
            due_at_us=earlier.due_at_us,
            act_at_us=later.act_at_us,
            by=later.by,
            value=earlier.value,
        )
    if isinstance(later, Act) and isinstance(earlier, Close):
        return earlier
    return later


def _by_kind(
    changes: Mapping[str, Change],
) -> tuple[list[dict[str, object]], list[dict[str, object]], list[dict[str, object]]]:
    keep: list[dict[str, object]] = []
    act: list[dict[str, object]] = []
    close: list[dict[str, object]] = []
    for payment_id, change in changes.items():
        match change:
            case Keep():
                keep.append(
                    {
                        "payment_id": payment_id,
                        "partition": change.partition,
                        "is_pending": int(change.is_pending),
                        "due_at_us": change.due_at_us,
                        "act_at_us": change.act_at_us,
                        "act_by": change.by.value,
                        "value": change.value,
                    }
                )
            case Act():
                act.append({"payment_id": payment_id, "act_at_us": change.act_at_us, "act_by": change.by.value})
            case Close():
                close.append({"payment_id": payment_id})
    return keep, act, close
