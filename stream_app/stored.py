"""How a key's state is stored: a payment in a form that is read in a tenth of Avro's time, the rest as on the topic.

A lookup reads a payment to decide one step of it, and the step's event repeats the payment's whole past: its bytes are
kept beside it, so that neither is the past read as Avro nor written again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from payments.payment import Payment
from schemas import codec
from schemas.past import Past
from schemas.payment_encoding import past_of

# Part of what a store is of: with another number it does not fit, and is filled from the topic again.
FORMAT = 3


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A payment after its last transition, with the bytes of its past."""

    payment: Payment
    past: Past

    @classmethod
    def of(cls, payment: Payment) -> Snapshot:
        """Return the snapshot of a payment of which nothing but itself is at hand."""
        return cls(payment, past_of(payment))

    def event(self) -> bytes:
        """Return the record of payment-events that reports the last transition."""
        return codec.encode_event(self.payment, self.past)


class Step(msgspec.Struct):
    """A payment that a batch has moved on from `before`; its snapshot is made when the whole batch is decided.

    Deciding many payments in a row and then writing them in a row costs two thirds of doing both for each.
    """

    payment: Payment
    before: Snapshot | Step | None
    made: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Return the payment's snapshot."""
        if self.made is None:
            before = self.before.snapshot() if isinstance(self.before, Step) else self.before
            self.made = _after(self.payment, before)
        return self.made


def _after(payment: Payment, before: Snapshot | None) -> Snapshot:
    if before is None:
        return Snapshot.of(payment)
    assert len(payment.transitions) == len(before.payment.transitions) + 1, "a past grows by one step"
    return Snapshot(payment, past_of(payment, before.past))


_ENCODER = msgspec.msgpack.Encoder()
_SNAPSHOTS = msgspec.msgpack.Decoder(Snapshot)


class StateOfUnknownSchema(Exception):
    """The log holds a state that this version cannot read: written by a newer one."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id}")
        self.schema_id = schema_id


def stored(value: Any) -> bytes:
    """Return the value as a store keeps it: what a lookup gave, or the Step that was staged."""
    if isinstance(value, Step):
        return _ENCODER.encode(value.snapshot())
    return _ENCODER.encode(value) if isinstance(value, Snapshot) else codec.encode(value)


def value_of(data: bytes) -> Any:
    """Return the snapshot or entity that was `stored`, or that a record of the topic holds.

    Raises StateOfUnknownSchema.
    """
    # A restore stores records as they are: they begin with a zero byte, and MessagePack's arrays do not.
    if data[:1] != codec.MAGIC:
        return _SNAPSHOTS.decode(data)
    try:
        value = codec.decode(data)
    except codec.UnknownSchema as error:
        raise StateOfUnknownSchema(error.schema_id) from error
    return Snapshot.of(value) if isinstance(value, Payment) else value
