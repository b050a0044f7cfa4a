"""Verification of a live system: the database as of one moment, and the log up to exactly the offsets of that moment.

Both go on moving meanwhile. The database is read in one REPEATABLE READ transaction, with its own positions; what the
log has behind those is not read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.reader import LogGap, LogReader, ends
from kafka_log.span import places_with_records, read_span
from projections.batch import PROJECTED_TOPICS, Place
from projections.log_source import Extent, extents, record_of
from projections.migrate import MigrationRefused
from projections.verification.checks import (
    Position,
    balance_faults,
    delivery_faults,
    entity_faults,
    history_faults,
    outcome_faults,
    payment_faults,
    position_faults,
    sums_fault,
)
from projections.verification.expected import DELIVERIES, ENTITIES, ENTRIES, EVENTS, OUTCOMES, PAYMENTS
from projections.verification.faults import Fault, Kind
from projections.verification.logged import Logged, Unreadable
from projections.verification.side_by_side import side_by_side
from projections.verification.stored import Stored
from schemas.codec import UnknownSchema
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES, Topic

CLIENT = "directpay-verify"
# Longer than a restart of the projector or of its database.
PROJECTED_WAIT_S = 60.0
PROJECTED_POLL_S = 0.2
HOUR_US = 3_600_000_000

Tell = Callable[[Fault], None]
Progress = Callable[[str, int, int], None]


class CannotVerify(Exception):
    """Nothing can be said of the promises; the message says why."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """How much was compared, and how many faults were told."""

    payments: int = 0
    events: int = 0
    entries: int = 0
    entities: int = 0
    refusals: int = 0
    deliveries: int = 0
    faults: int = 0


def verify(
    bootstrap: str,
    postgres: str,
    *,
    tell: Tell,
    progress: Progress = lambda _what, _done, _total: None,
    wait_s: float = PROJECTED_WAIT_S,
) -> Summary:
    """Compare the views with everything that is in the log now, tell every fault, and return how much was compared.

    Waits up to `wait_s` seconds for the projector. Needs room for the newest record of every payment in the system's
    temporary folder. Raises CannotVerify.
    """
    try:
        with (
            closing(LogReader(bootstrap, client_id=CLIENT)) as reader,
            closing(Stored(postgres)) as stored,
            TemporaryDirectory(prefix="directpay-verify-") as folder,
        ):
            run = _Run(_Log(bootstrap, reader), stored, Path(folder), tell, progress)
            run.wait_projected(wait_s)
            with stored.snapshot(), closing(run.logged):
                run.compare()
            return run.summary
    except psycopg.Error as error:
        raise CannotVerify(f"Postgres: {str(error).strip()}") from error
    except (KafkaException, LogGap) as error:
        raise CannotVerify(f"Kafka at {bootstrap}: {error}") from error
    except MigrationRefused as error:
        raise CannotVerify(str(error)) from error
    except UnknownSchema as error:
        raise CannotVerify(f"{error}: it was written by a newer release, run that one's verify") from error


class _Log:
    """The projected topics, and what was in them when this began."""

    def __init__(self, bootstrap: str, reader: LogReader) -> None:
        self.reader = reader
        self._admin = AdminClient(client_settings(bootstrap, f"{CLIENT}-ends"), logger=LIBRDKAFKA_LOG)
        found = {topic: reader.partitions(topic) for topic in PROJECTED_TOPICS}
        if missing := [topic for topic, partitions in found.items() if not partitions]:
            raise CannotVerify(f"Kafka at {bootstrap} has no {', '.join(missing)}")
        self.partitions = len(found[PAYMENT_EVENTS.name])
        self.places = [(topic, partition) for topic, partitions in found.items() for partition in partitions]
        self.at_start = self.extents()

    def extents(self) -> dict[Place, Extent]:
        return extents(self._admin, self.places)

    def written(self) -> dict[Place, int]:
        """Return where each partition ends now, behind open transactions too."""
        return ends(self._admin, self.places, "read_uncommitted")

    def with_records(self, first: Mapping[Place, int]) -> set[Place]:
        """Return which partitions have records from `first` on that were there at the start."""
        starts = {place: max(offset, self.at_start[place].begin) for place, offset in first.items()}
        return places_with_records(self.reader, starts, {place: self.at_start[place].end for place in first})


class _Run:
    """One verification, step by step."""

    def __init__(self, log: _Log, stored: Stored, folder: Path, tell: Tell, progress: Progress) -> None:
        self.summary = Summary()
        self._tell_on = tell
        self.logged = Logged(folder, self._tell)
        self._log = log
        self._stored = stored
        self._progress = progress

    def wait_projected(self, wait_s: float) -> None:
        """Return when everything that was in the log at the start is in the views."""
        deadline = time.monotonic() + wait_s
        while behind := self._behind():
            if time.monotonic() >= deadline:
                names = ", ".join(f"{topic}[{partition}]" for topic, partition in sorted(behind))
                raise CannotVerify(f"the projector is behind: after {wait_s:g} s it has not projected {names}")
            total = len(self._log.places)
            self._progress("waiting for the projector: partitions", total - len(behind), total)
            time.sleep(PROJECTED_POLL_S)

    def compare(self) -> None:
        """Compare everything, as of now."""
        positions = self._stored.positions()
        self._read_log(positions)
        self._compare_payments()
        for balance in self._stored.unequal_balances():
            self._tell_all(balance_faults(balance))
        for table, row in self._stored.wrong_sums():
            self._tell(sums_fault(table, row))
        self._compare_entities(positions)
        self._compare_refusals()
        self._compare_deliveries()

    def _behind(self) -> set[Place]:
        positions = self._stored.positions()
        first = {}
        for place, extent in self._log.at_start.items():
            position = positions.get(place)
            if position is not None and position.topic_id != extent.topic_id:
                ids = f"({position.topic_id}, here {extent.topic_id})"
                raise CannotVerify(f"the views were projected from another topic {place[0]} {ids}")
            first[place] = 0 if position is None else position.next
        # Offsets alone do not tell: the last ones of a partition may be marks that transactions left.
        return self._log.with_records({place: at for place, at in first.items() if at < self._log.at_start[place].end})

    def _read_log(self, positions: Mapping[Place, Position]) -> None:
        now_us, written, stable = self._stored.now_us(), self._log.written(), self._log.extents()
        until = {
            place: min(positions[place].next, stable[place].end) if place in positions else 0
            for place in self._log.places
        }
        span = read_span(
            self._log.reader,
            dict.fromkeys(until, 0),
            until,
            progress=lambda done, total: self._progress("offsets of the log read", done, total),
        )
        for message in span:
            self.logged.add(record_of(message))
        for place, position in sorted(positions.items()):
            if place not in written:
                name = f"{place[0]}[{place[1]}]"
                self._tell(Fault(kind=Kind.POSITIONS, subject=name, detail="Kafka has no such partition"))
                continue
            last_at_us = self.logged.last_at_us.get(place)
            self._tell_all(
                position_faults(position, log_end=written[place], last_record_at_us=last_at_us, now_us=now_us)
            )

    def _compare_payments(self) -> None:
        rows = self._stored.rows
        streams = side_by_side(self.logged.each_payment(), rows(PAYMENTS), rows(EVENTS), rows(ENTRIES))
        for payment_id, logged, (payments, events, entries) in streams:
            self.summary.payments += 1
            self.summary.events += len(events)
            self.summary.entries += len(entries)
            self._progress("payments compared", self.summary.payments, self.logged.payments.count)
            if isinstance(logged, Unreadable):
                self._tell(Fault(kind=Kind.UNREADABLE, subject=payment_id, detail=logged.detail))
                continue
            if logged is not None:
                self._tell_all(history_faults(logged, self._log.partitions))
            self._tell_all(payment_faults(payment_id, logged, payments, events, entries))

    def _compare_entities(self, positions: Mapping[Place, Position]) -> None:
        faults: list[Fault] = []
        for entity_id, logged, (stored,) in side_by_side(self.logged.each_entity(), self._stored.rows(ENTITIES)):
            self.summary.entities += 1
            faults += entity_faults(entity_id, logged, stored)
        if faults:
            # Compaction takes a version away once there is a newer one, even one that is not projected yet.
            newer = self._changed_since(positions)
            self._tell_all(fault for fault in faults if fault.subject not in newer)

    def _changed_since(self, positions: Mapping[Place, Position]) -> set[str]:
        places = [place for place in positions if place[0] == DIRECTORY_EVENTS.name and place in self._log.at_start]
        until = {place: extent.end for place, extent in self._log.extents().items() if place in places}
        records = map(record_of, read_span(self._log.reader, {place: positions[place].next for place in places}, until))
        return {record.key.decode(errors="replace") for record in records if record.key is not None}

    def _compare_refusals(self) -> None:
        kept_since_us = self._refusals_kept_since_us()
        for key, logged, (stored,) in side_by_side(self.logged.each_refusal(), self._stored.rows(OUTCOMES)):
            self.summary.refusals += 1
            self._tell_all(outcome_faults(key, logged, stored, kept_since_us=kept_since_us))

    def _compare_deliveries(self) -> None:
        kept_since_us = self._kept_since_us(WEBHOOK_DELIVERIES)
        for key, logged, (stored,) in side_by_side(self.logged.each_delivery(), self._stored.rows(DELIVERIES)):
            self.summary.deliveries += 1
            self._tell_all(delivery_faults(key, logged, stored, kept_since_us=kept_since_us))

    def _refusals_kept_since_us(self) -> int:
        """Return the time since when the log has every refusal."""
        extents_now = self._log.extents()
        if not any(extent.begin for place, extent in extents_now.items() if place[0] == PAYMENT_REJECTIONS.name):
            return 0
        return self._kept_since_us(PAYMENT_REJECTIONS)

    def _kept_since_us(self, topic: Topic) -> int:
        """Return the time since when everything of a topic is kept, with an hour for clocks that disagree."""
        assert topic.retention_ms is not None
        return self._stored.now_us() - topic.retention_ms * 1000 + HOUR_US

    def _tell_all(self, faults: Iterator[Fault]) -> None:
        for fault in faults:
            self._tell(fault)

    def _tell(self, fault: Fault) -> None:
        self.summary.faults += 1
        self._tell_on(fault)
