"""The dispatcher's durable state: what is due to whom, and how far the topics that say so were read.

All of it can be had again from Kafka, so a commit need not reach the disk (`synchronous=NORMAL`): after a power cut an
older state is read on from its own, older offsets. Rows and offsets are one transaction. It is on disk so that a dead
endpoint's backlog is not in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from kafka_log.sql_files import read_statements
from kafka_log.state_file import Tables, open_state_file, transaction
from schemas.deliveries import Outcome, WebhookDelivery, WebhookReplay

_FOLDER = Path(__file__).parent / "sql"
_SQL = read_statements(_FOLDER / "statements.sql")
# State of another shape is dropped, and had again.
_TABLES = Tables(schema=_FOLDER / "pending.sql", shape=2, dropped="pending_deliveries_dropped")

DAY_US = 24 * 3600 * 1_000_000
# Of a payment whose row is gone, what happened since the partition's `taken_until_us` counts as new: a day is far more
# than times of one partition are out of order.
TAKEN_KEPT_US = DAY_US
COUNTED_MAX = 100_000  # Some ten milliseconds.
PAYMENTS_AT_ONCE_MAX = 500  # Of a replay: some ten milliseconds.
HEARD_KEPT_US = 30 * DAY_US  # As long as there is something to deliver again.


class Place(Struct, frozen=True, kw_only=True):
    """Where a partition's topics are read on, and since when (machine time) attempts count where `next_delivery` is not
    known. What happened before `taken_until_us` (business time) was taken."""

    next_event: int
    next_delivery: int | None = None
    next_request: int = 0
    next_notice: int = 0
    since_us: int = 0
    taken_until_us: int = 0


class Due(Struct, frozen=True, kw_only=True):
    """An event that an endpoint is to be told of, after `attempts` attempts, `tries` of them in this schedule.

    Of a notice, `payment_id` and `sequence` are the id and the version of the endpoint that was disabled.
    """

    endpoint_id: str
    payment_id: str
    sequence: int
    partition: int
    tenant_id: str
    event_type: str
    attempts: int = 0
    tries: int = 0
    replay_id: str | None = None
    body: bytes

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from others of its endpoint."""
        return self.payment_id, self.sequence


class NewDue(Struct, frozen=True, kw_only=True):
    """One that a record of payment-events (at `event_offset`) or directory-events brings, to be attempted from `at_us`
    on."""

    due: Due
    event_offset: int | None = None
    notice_offset: int | None = None
    at_us: int
    known_us: int


class Taken(Struct, frozen=True, kw_only=True):
    """What a batch of payment-events means. `payments` has sequence and time of each one's last transition."""

    due: Sequence[NewDue]
    payments: Mapping[str, tuple[int, int, int]]  # partition, sequence, occurred_at_us
    places: Mapping[int, tuple[int, int]]  # next_event, taken_until_us


class Pending:
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
                connection.execute(_SQL["forget_source"])
                connection.execute(_SQL["forget_failing"])
                self._forget(connection, None)
            connection.execute(_SQL["adopt"], {"identity": identity})
        return is_ours

    def place(self, partition: int) -> Place | None:
        """Return where a partition is read on; None when nothing is kept of it."""
        row = self._connection.execute(_SQL["read_place"], {"partition": partition}).fetchone()
        return None if row is None else Place(**dict(row))

    def begin(self, partition: int, place: Place) -> None:
        """Begin to keep a partition, with nothing of what may be left of it from before."""
        values = {
            "partition": partition,
            "next_event": place.next_event,
            "next_request": place.next_request,
            "next_notice": place.next_notice,
            "since_us": place.since_us,
            "taken_until_us": place.taken_until_us,
        }
        with transaction(self._connection) as connection:
            self._forget(connection, partition)
            connection.execute(_SQL["set_place"], values)

    def forget(self, partition: int) -> None:
        """Drop what is kept of a partition, so that it is read from its start."""
        with transaction(self._connection) as connection:
            self._forget(connection, partition)

    def partitions(self) -> list[int]:
        """Return the partitions that are kept."""
        return [int(row["partition"]) for row in self._connection.execute(_SQL["partitions_kept"])]

    def forget_some(self, partition: int, *, most: int) -> int:
        """Drop some of what is kept of a partition, and first of all where it is read on, so that it is not; return how
        much that was."""
        values = {"partition": partition, "before_us": None, "most": most}
        with transaction(self._connection) as connection:
            connection.execute(_SQL["forget_partitions"], values)
            connection.execute(_SQL["forget_heard"], values)
            return sum(
                connection.execute(_SQL[each], values).rowcount for each in ("forget_some_due", "forget_some_taken")
            )

    def sequence_taken(self, payment_id: str) -> int | None:
        """Return the last transition of a payment that was taken, if that is known."""
        row = self._connection.execute(_SQL["read_taken"], {"payment_id": payment_id}).fetchone()
        return None if row is None else int(row["sequence"])

    def take(self, taken: Taken) -> None:
        """Write what a batch of events means, and how far they were read, or nothing."""
        due = [_new_values(each) for each in taken.due]
        payments = [
            {"payment_id": payment_id, "partition": partition, "sequence": sequence, "occurred_at_us": at_us}
            for payment_id, (partition, sequence, at_us) in taken.payments.items()
        ]
        places = [
            {"partition": partition, "next_event": next_event, "taken_until_us": until_us}
            for partition, (next_event, until_us) in taken.places.items()
        ]
        with transaction(self._connection) as connection:
            connection.executemany(_SQL["add_due"], due)
            connection.executemany(_SQL["keep_taken"], payments)
            connection.executemany(_SQL["advance_events"], places)

    def take_notices(self, partition: int, due: Sequence[NewDue], *, next_notice: int) -> None:
        """Write what notices mean, and how far they were taken on a partition of directory-events, or nothing."""
        with transaction(self._connection) as connection:
            connection.executemany(_SQL["add_due"], [_new_values(each) for each in due])
            connection.execute(_SQL["advance_notices"], {"partition": partition, "next_notice": next_notice})

    def forget_long_ago(self, partition: int, now_us: int) -> None:
        """Drop what need not be known any more, of payments that were told of and of requests that were done."""
        place = self.place(partition)
        if place is not None:
            before_us = place.taken_until_us - TAKEN_KEPT_US
            self._connection.execute(_SQL["forget_taken_long_ago"], {"partition": partition, "before_us": before_us})
        self._connection.execute(_SQL["forget_heard"], {"partition": None, "before_us": now_us - HEARD_KEPT_US})

    def record(self, attempts: Sequence[tuple[int, WebhookDelivery]], next_deliveries: Mapping[int, int]) -> None:
        """Apply attempts that are on the log, each with its partition, in their order; and how far that leads."""
        with transaction(self._connection) as connection:
            for partition, attempt in attempts:
                _apply(connection, partition, attempt)
            connection.executemany(
                _SQL["advance_deliveries"],
                [{"partition": partition, "next_delivery": offset} for partition, offset in next_deliveries.items()],
            )

    def due(self, endpoint_id: str, partitions: Iterable[int], *, until_us: int, most: int) -> list[Due]:
        """Return what may be attempted by then, earliest first."""
        wanted = {
            "endpoint_id": endpoint_id,
            "partitions": _list(partitions),
            "until_us": until_us,
            "most": most,
        }
        return [Due(**dict(row)) for row in self._connection.execute(_SQL["read_due"], wanted)]

    def next_at_us(self, endpoint_id: str, partitions: Iterable[int], *, after_us: int) -> int | None:
        """Return when more of it is due, or None."""
        wanted = {"endpoint_id": endpoint_id, "partitions": _list(partitions), "after_us": after_us}
        row = self._connection.execute(_SQL["next_at"], wanted).fetchone()
        return None if row["at_us"] is None else int(row["at_us"])

    def endpoints_waiting(self) -> list[str]:
        """Return who is to be told something, of whatever partition."""
        return [str(row["endpoint_id"]) for row in self._connection.execute(_SQL["endpoints_waiting"])]

    def oldest_at_us(self, endpoint_ids: Iterable[str]) -> int | None:
        """Return when what waits longest for one of these endpoints was to be attempted."""
        rows = [self._connection.execute(_SQL["oldest_at"], {"endpoint_id": each}).fetchone() for each in endpoint_ids]
        return min((int(row["first"]) for row in rows if row["first"] is not None), default=None)

    def count(self, partitions: Iterable[int], *, most: int = COUNTED_MAX) -> int:
        """Return how many events are still to be told, COUNTED_MAX if there are more."""
        wanted = {"partitions": _list(partitions), "most": most}
        return int(self._connection.execute(_SQL["count_due"], wanted).fetchone()["due"])

    def drop_endpoint(self, endpoint_id: str, partitions: Iterable[int], *, most: int) -> int:
        """Forget what a revoked endpoint was to be told, some of it; return how many events that were."""
        values = {"endpoint_id": endpoint_id, "partitions": _list(partitions), "most": most}
        return self._connection.execute(_SQL["drop_endpoint"], values).rowcount

    def failing_since_us(self, endpoint_id: str) -> int | None:
        """Return since when nothing was delivered to an endpoint; None when the last attempt was."""
        row = self._connection.execute(_SQL["failing_since"], {"endpoint_id": endpoint_id}).fetchone()
        return None if row is None else int(row["since_us"])

    def forget_failures(self, endpoint_id: str) -> None:
        """Let an endpoint begin anew."""
        self._connection.execute(_SQL["note_working"], {"endpoint_id": endpoint_id})

    def rebuilt_from(self, partition: int, now_us: int) -> Place | None:
        """Return from where on the topics give this partition's state, were it lost: behind it, all is done or again on
        the log."""
        place = self.place(partition)
        if place is None:
            return None
        event, request = self._first(partition, "first_event"), self._first(partition, "first_request")
        notice = self._first(partition, "first_notice")
        known_us = self._first(partition, "first_known")
        return Place(
            next_event=place.next_event if event is None else event,
            next_request=place.next_request if request is None else request,
            next_notice=place.next_notice if notice is None else notice,
            since_us=now_us if known_us is None else min(known_us, now_us),
            taken_until_us=place.taken_until_us,
        )

    def begin_replay(self, request_id: str) -> set[int]:
        """Let what is found be that of a request; return the partitions where it was done before."""
        self._connection.execute(_SQL["clear_found"])
        rows = self._connection.execute(_SQL["partitions_heard"], {"request_id": request_id})
        return {int(row["partition"]) for row in rows}

    def found(self, attempts: Iterable[tuple[int, WebhookDelivery, bool]]) -> None:
        """Keep attempts that a replay has found, each with its partition and whether it is in the range asked for."""
        with transaction(self._connection) as connection:
            connection.executemany(_SQL["keep_found"], [_found_values(*each) for each in attempts])

    def add_found(
        self,
        replay: WebhookReplay,
        partitions: Iterable[int],
        *,
        offset: int,
        now_us: int,
        after: str = "",
        payments_max: int = PAYMENTS_AT_ONCE_MAX,
    ) -> str | None:
        """Make due what was found in these partitions for a request at `offset` of its topic, of the next payments
        `after` one; return the last of them, or None when there are no more."""
        part = {"after": after, "payments_max": payments_max}
        last = self._connection.execute(_SQL["last_found"], part).fetchone()["last"]
        if last is None:
            return None
        part = {"endpoint_id": replay.endpoint_id, "after": after, "last": last}
        values = part | {
            "partitions": _list(partitions),
            "failed_only": int(replay.failed_only),
            "request_offset": offset,
            "replay_id": replay.request_id,
            "at_us": now_us,
        }
        with transaction(self._connection) as connection:
            connection.execute(_SQL["add_found"], values)
            connection.execute(_SQL["hold_behind_found"], part)
        return str(last)

    def end_replay(self, replay: WebhookReplay, partitions: Iterable[int], *, offset: int, now_us: int) -> None:
        """Know a request as done in these partitions: all that was found for it is due."""
        done = [
            {"partition": each, "next_request": offset + 1, "request_id": replay.request_id, "heard_us": now_us}
            for each in partitions
        ]
        with transaction(self._connection) as connection:
            connection.execute(_SQL["clear_found"])
            connection.executemany(_SQL["advance_requests"], done)
            connection.executemany(_SQL["note_heard"], done)

    def _first(self, partition: int, statement: str) -> int | None:
        found = self._connection.execute(_SQL[statement], {"partition": partition}).fetchone()["first"]
        return None if found is None else int(found)

    def _forget(self, connection: sqlite3.Connection, partition: int | None) -> None:
        for forget in ("forget_partitions", "forget_taken", "forget_due", "forget_heard"):
            connection.execute(_SQL[forget], {"partition": partition, "before_us": None})


def _apply(connection: sqlite3.Connection, partition: int, attempt: WebhookDelivery) -> None:
    event = {"endpoint_id": attempt.endpoint_id, "payment_id": attempt.payment_id, "sequence": attempt.sequence}
    if attempt.outcome is Outcome.RETRYING:
        connection.execute(_SQL["keep_retrying"], _retrying_values(partition, attempt))
        connection.execute(_SQL["hold_later"], event)
    else:
        connection.execute(_SQL["close"], event)
        connection.execute(_SQL["release_next"], event)
    endpoint = {"endpoint_id": attempt.endpoint_id}
    if attempt.outcome is Outcome.DELIVERED:
        connection.execute(_SQL["note_working"], endpoint)
    elif attempt.was_sent:
        connection.execute(_SQL["note_failing"], endpoint | {"since_us": attempt.attempted_at_us})


def _new_values(new: NewDue) -> dict[str, object]:
    due = new.due
    return {
        "endpoint_id": due.endpoint_id,
        "payment_id": due.payment_id,
        "sequence": due.sequence,
        "partition": due.partition,
        "tenant_id": due.tenant_id,
        "event_type": due.event_type,
        "at_us": new.at_us,
        "event_offset": new.event_offset,
        "notice_offset": new.notice_offset,
        "known_us": new.known_us,
        "body": due.body,
    }


def _retrying_values(partition: int, attempt: WebhookDelivery) -> dict[str, object]:
    return {
        "endpoint_id": attempt.endpoint_id,
        "payment_id": attempt.payment_id,
        "sequence": attempt.sequence,
        "partition": partition,
        "tenant_id": attempt.tenant_id,
        "event_type": attempt.event_type,
        "attempts": attempt.attempt,
        "tries": attempt.tries,
        "at_us": attempt.next_attempt_at_us,
        "replay_id": attempt.replay_id,
        "known_us": attempt.attempted_at_us,
        "body": attempt.body,
    }


def _found_values(partition: int, attempt: WebhookDelivery, is_in_range: bool) -> dict[str, object]:
    return {
        "payment_id": attempt.payment_id,
        "sequence": attempt.sequence,
        "partition": partition,
        "tenant_id": attempt.tenant_id,
        "event_type": attempt.event_type,
        "attempts": attempt.attempt,
        "outcome": attempt.outcome.value,
        "is_in_range": int(is_in_range),
        "body": attempt.body,
    }


def _list(partitions: Iterable[int]) -> str:
    return json.dumps(sorted(partitions))
