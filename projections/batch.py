"""What some records of the log mean together: pure, so that any split of the log into batches gives the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec
from msgspec import structs

from directory.changes import DirectoryRecord
from payments.payment import Payment
from payments.rejection import Rejection
from projections.views.command_outcomes import order, outcome_key
from projections.views.payments import Snapshot
from projections.views.webhook_deliveries import delivery_key
from schemas.codec import Undecodable, UnknownSchema
from schemas.deliveries import WebhookDelivery
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES

PROJECTED_TOPICS = (PAYMENT_EVENTS.name, PAYMENT_REJECTIONS.name, DIRECTORY_EVENTS.name, WEBHOOK_DELIVERIES.name)
_VALUES = {
    PAYMENT_EVENTS.name: Payment,
    PAYMENT_REJECTIONS.name: Rejection,
    DIRECTORY_EVENTS.name: DirectoryRecord,
    WEBHOOK_DELIVERIES.name: WebhookDelivery,
}

Place = tuple[str, int]  # A topic and a partition.
Decode = Callable[[bytes | None], object]


class UnprojectableRecord(Exception):
    """A record that cannot be projected. The projector stops: passing over it would make the views untrue for good."""

    def __init__(self, record: LogRecord, fault: str) -> None:
        super().__init__(f"{record.topic}[{record.partition}] offset {record.offset} cannot be projected: {fault}")


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the log. `sequence` is what its header says of the payment's transition, None without one;
    `at_us` is Kafka's time of it, None where it has none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    sequence: int | None
    at_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How far a batch moves one partition's position, from `old` to `new` (equal when it was only looked at)."""

    topic: str
    partition: int
    old: int
    new: int
    log_end: int
    record_at_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes: the newest of each payment, entity and refusal, every attempt to deliver an event,
    and the positions behind it all."""

    moves: tuple[Move, ...]
    snapshots: tuple[Snapshot, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    entities: tuple[DirectoryRecord, ...] = ()
    deliveries: tuple[WebhookDelivery, ...] = ()
    records: int = 0


def read_batch(
    records: list[LogRecord], positions: Mapping[Place, int], log_ends: Mapping[Place, int], decode: Decode
) -> Batch:
    """Return what `records` mean when read from `positions`; raises UnprojectableRecord.

    The records of a partition are in their order; those before its position were projected and are passed over.
    """
    fresh = [record for record in records if record.offset >= positions[record.topic, record.partition]]
    gathered = Gathered(decode)
    gathered.take(fresh)
    return gathered.batch(_moves(fresh, positions, log_ends))


class Gathered:
    """The newest of each payment, refused command and entity among the records that were taken, and every attempt to
    deliver an event; the others are let go.

    A snapshot carries its payment's whole history, so that the others of it need not even be decoded. A record without
    the header is decoded to see.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._newest: dict[bytes | None, tuple[int, LogRecord]] = {}
        self._snapshots: dict[bytes | None, Snapshot] = {}
        self._rejections: dict[str, Rejection] = {}
        self._entities: dict[str, DirectoryRecord] = {}
        self._deliveries: dict[str, WebhookDelivery] = {}
        self.records = 0

    def __len__(self) -> int:
        return len(self._newest) + len(self._rejections) + len(self._entities) + len(self._deliveries)

    def take(self, records: Iterable[LogRecord]) -> None:
        """Take records, those of a partition in their order; raises UnprojectableRecord."""
        for record in records:
            self.records += 1
            match record.topic:
                case PAYMENT_EVENTS.name:
                    self._take_snapshot(record)
                case PAYMENT_REJECTIONS.name:
                    self._take_rejection(record)
                case WEBHOOK_DELIVERIES.name:
                    self._take_delivery(record)
                case _:
                    self._take_entity(record)

    def batch(self, moves: tuple[Move, ...]) -> Batch:
        """Return all of it, with the positions behind it; raises UnprojectableRecord."""
        return Batch(
            moves=moves,
            snapshots=tuple(
                self._snapshots.get(key) or _snapshot(record, self._decode) for key, (_, record) in self._newest.items()
            ),
            rejections=tuple(self._rejections.values()),
            entities=tuple(self._entities.values()),
            deliveries=tuple(self._deliveries.values()),
            records=self.records,
        )

    def _take_snapshot(self, record: LogRecord) -> None:
        snapshot = None
        sequence = record.sequence
        if sequence is None:
            snapshot = _snapshot(record, self._decode)
            sequence = snapshot.sequence
        known = self._newest.get(record.key)
        if known is None or known[0] < sequence:
            self._newest[record.key] = (sequence, record)
            self._snapshots.pop(record.key, None)
            if snapshot is not None:
                self._snapshots[record.key] = snapshot

    def _take_rejection(self, record: LogRecord) -> None:
        rejection = _decoded(record, self._decode)
        assert isinstance(rejection, Rejection)
        known = self._rejections.get(outcome_key(rejection))
        if known is None or order(known) < order(rejection):
            self._rejections[outcome_key(rejection)] = rejection

    def _take_entity(self, record: LogRecord) -> None:
        entity = _decoded(record, self._decode)
        assert isinstance(entity, DirectoryRecord)
        known = self._entities.get(entity.entity_id)
        if known is None or known.version < entity.version:
            self._entities[entity.entity_id] = entity

    def _take_delivery(self, record: LogRecord) -> None:
        delivery = _decoded(record, self._decode)
        assert isinstance(delivery, WebhookDelivery)
        # The first stands, as it does in the table.
        self._deliveries.setdefault(delivery_key(delivery), structs.replace(delivery, body=b""))


def mark_quiet(
    batch: Batch, positions: Mapping[Place, int], ends_reached: Mapping[Place, int], log_ends: Mapping[Place, int]
) -> Batch:
    """Return the batch with a look at every partition that it does not move: that it is projected up to now.

    A partition is passed to where reading met its end, behind the marks of transactions that follow its last record.
    """
    moved = {(move.topic, move.partition) for move in batch.moves}
    looks = tuple(
        Move(
            topic=place[0],
            partition=place[1],
            old=position,
            new=max(position, ends_reached.get(place, 0)),
            log_end=log_ends[place],
            record_at_us=None,
        )
        for place, position in sorted(positions.items())
        if place not in moved
    )
    return replace(batch, moves=(*batch.moves, *looks))


def _moves(
    records: Iterable[LogRecord], positions: Mapping[Place, int], log_ends: Mapping[Place, int]
) -> tuple[Move, ...]:
    last = {(record.topic, record.partition): record for record in records}
    return tuple(
        Move(
            topic=place[0],
            partition=place[1],
            old=positions[place],
            new=record.offset + 1,
            log_end=max(log_ends.get(place, 0), record.offset + 1),
            record_at_us=record.at_us,
        )
        for place, record in sorted(last.items())
    )


def _snapshot(record: LogRecord, decode: Decode) -> Snapshot:
    payment = _decoded(record, decode)
    assert isinstance(payment, Payment)
    payment_id = payment.payment_id
    if record.key != payment_id.encode():
        # Compaction goes by key: under another one, some other payment's newest snapshot would be removed.
        raise UnprojectableRecord(record, f"its key is not its payment's id {payment_id}")
    if record.sequence is not None and record.sequence != payment.last.sequence:
        raise UnprojectableRecord(record, f"its header says transition {record.sequence}, its value another")
    return Snapshot(payment_id=payment_id, partition=record.partition, payment=payment)


def _decoded(record: LogRecord, decode: Decode) -> object:
    try:
        value = decode(record.value)
    except Undecodable as error:
        raise UnprojectableRecord(record, str(error)) from error
    except UnknownSchema as error:
        raise UnprojectableRecord(record, f"{error}: it was written by a newer release, run that projector") from error
    if not isinstance(value, _VALUES[record.topic]):
        raise UnprojectableRecord(record, f"a {type(value).__name__} does not belong on this topic")
    return value
