"""What the log says of every payment, entity, refused command and delivery: the record of each that the views take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from directory.changes import DirectoryRecord
from payments.payment import Payment
from payments.rejection import Rejection
from projections.batch import LogRecord, Place
from projections.verification.faults import Fault, Kind
from projections.verification.newest import Scratch
from projections.views.command_outcomes import order, outcome_key
from projections.views.payments import Snapshot
from projections.views.webhook_deliveries import delivery_key
from schemas.codec import Undecodable, decode, encode
from schemas.deliveries import WebhookDelivery
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES

_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A payment whose newest record is no payment that this release can read."""

    detail: str


class Logged:
    """The fold of the projected topics on a scratch folder. Faults that show while it is made are told at once."""

    def __init__(self, folder: Path, tell: Callable[[Fault], None]) -> None:
        self._scratch = Scratch(folder)
        self.payments, self.entities, self.refusals, self.deliveries = map(
            self._scratch.newest, (b"p", b"e", b"r", b"d")
        )
        # Kafka's time of the last record of each partition, in microseconds.
        self.last_at_us: dict[Place, int] = {}
        self._tell = tell
        self._adders = {
            PAYMENT_EVENTS.name: self._add_payment,
            DIRECTORY_EVENTS.name: self._add_entity,
            PAYMENT_REJECTIONS.name: self._add_refusal,
            WEBHOOK_DELIVERIES.name: self._add_delivery,
        }

    def add(self, record: LogRecord) -> None:
        """Take a record of a projected topic; those of a partition come in their order. Raises UnknownSchema."""
        if record.at_us is not None:
            self.last_at_us[record.topic, record.partition] = record.at_us
        try:
            self._adders[record.topic](record)
        except (Undecodable, UnicodeDecodeError) as error:
            self._tell_unreadable(record, str(error))

    def each_payment(self) -> Iterator[tuple[str, Snapshot | Unreadable]]:
        """Yield every payment by its record's key, in the order of keys. Raises UnknownSchema."""
        for key, kept in self.payments.items():
            sequence, partition, value = _number(kept), _number(kept[_NUMBER_BYTES:]), kept[2 * _NUMBER_BYTES :]
            payment_id = key.decode()
            try:
                payment = decode(value)
            except Undecodable as error:
                yield payment_id, Unreadable(detail=str(error))
                continue
            if not isinstance(payment, Payment):
                yield payment_id, Unreadable(detail=f"a {type(payment).__name__} does not belong on this topic")
            elif payment.last.sequence != sequence:
                said = f"its header says transition {sequence}, its value {payment.last.sequence}"
                yield payment_id, Unreadable(detail=said)
            else:
                yield payment_id, Snapshot(payment_id=payment_id, partition=partition, payment=payment)

    def each_entity(self) -> Iterator[tuple[str, DirectoryRecord]]:
        """Yield the newest of every entity, ordered by id."""
        for key, kept in self.entities.items():
            record = decode(kept[_NUMBER_BYTES:])
            assert isinstance(record, DirectoryRecord), "nothing else was kept"
            yield key.decode(), record

    def each_refusal(self) -> Iterator[tuple[str, Rejection]]:
        """Yield the refusal that stands of every refused command, ordered by outcome key."""
        for key, kept in self.refusals.items():
            yield key.decode(), _rejection(kept)

    def each_delivery(self) -> Iterator[tuple[str, WebhookDelivery]]:
        """Yield every attempt to deliver an event, without its body, ordered by delivery key."""
        for key, kept in self.deliveries.items():
            delivery = decode(kept)
            assert isinstance(delivery, WebhookDelivery), "nothing else was kept"
            yield key.decode(), delivery

    def close(self) -> None:
        self._scratch.close()

    def _add_payment(self, record: LogRecord) -> None:
        key, value, sequence = record.key, record.value, record.sequence
        if key is None or value is None:
            self._tell_unreadable(record, "it has no key" if key is None else "it has no value")
            return
        payment_id = key.decode()
        if sequence is None:
            payment = decode(value)
            if not isinstance(payment, Payment):
                self._tell_unreadable(record, f"a {type(payment).__name__} does not belong on this topic")
                return
            sequence = payment.last.sequence
        kept = self.payments.get(key)
        newest = 0 if kept is None else _number(kept)
        if sequence <= newest:
            detail = f"transition {sequence} is in the log again, after {newest}: {_place(record)}"
            self._tell(Fault(kind=Kind.REPEATED, subject=payment_id, detail=detail))
            return
        self.payments.put(key, _bytes(sequence) + _bytes(record.partition) + value, is_new=kept is None)

    def _add_entity(self, record: LogRecord) -> None:
        entity = decode(record.value)
        if not isinstance(entity, DirectoryRecord):
            self._tell_unreadable(record, f"a {type(entity).__name__} does not belong on this topic")
            return
        key = entity.entity_id.encode()
        kept = self.entities.get(key)
        if kept is None or _number(kept) < entity.version:
            self.entities.put(key, _bytes(entity.version) + (record.value or b""), is_new=kept is None)

    def _add_refusal(self, record: LogRecord) -> None:
        rejection = decode(record.value)
        if not isinstance(rejection, Rejection):
            self._tell_unreadable(record, f"a {type(rejection).__name__} does not belong on this topic")
            return
        key = outcome_key(rejection).encode()
        kept = self.refusals.get(key)
        if kept is None or order(_rejection(kept)) < order(rejection):
            self.refusals.put(key, record.value or b"", is_new=kept is None)

    def _add_delivery(self, record: LogRecord) -> None:
        delivery = decode(record.value)
        if not isinstance(delivery, WebhookDelivery):
            self._tell_unreadable(record, f"a {type(delivery).__name__} does not belong on this topic")
            return
        key = delivery_key(delivery).encode()
        if self.deliveries.get(key) is None:
            # The body, most of a record, is not in the views.
            self.deliveries.put(key, encode(structs.replace(delivery, body=b"")), is_new=True)

    def _tell_unreadable(self, record: LogRecord, detail: str) -> None:
        subject = record.key.decode(errors="replace") if record.key else _place(record)
        self._tell(Fault(kind=Kind.UNREADABLE, subject=subject, detail=f"{_place(record)}: {detail}"))


def _rejection(kept: bytes) -> Rejection:
    rejection = decode(kept)
    assert isinstance(rejection, Rejection), "nothing else was kept"
    return rejection


def _place(record: LogRecord) -> str:
    return f"{record.topic}[{record.partition}] offset {record.offset}"


def _bytes(number: int) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big")


def _number(kept: bytes) -> int:
    return int.from_bytes(kept[:_NUMBER_BYTES], "big")
