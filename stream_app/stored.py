"""How a key's state is stored: a payment in a form that is read in a tenth of Avro's time, the rest as on the topic.

A lookup reads a payment to decide one step of it, and the step's event repeats the payment's whole past: its bytes are
kept beside it, so that neither is the past read as Avro nor written again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from payments.payment import Payment
from schemas import codec
from schemas.payment_encoding import Past, past_of

# Part of what a store is of: with another number it does not fit, and is filled from the topic again.
FORMAT = 2


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A payment after its last transition, with the bytes of its past."""

    payment: Payment
    past: Past

    @classmethod
    def after(cls, payment: Payment, before: Snapshot | None) -> Snapshot:
        """Return the snapshot of a payment that has just moved on from `before`."""
        if before is None:
            return cls(payment, past_of(payment))
        assert len(payment.transitions) == len(before.payment.transitions) + 1, "a past grows by one step"
        return cls(payment, past_of(payment, before.past))

    def event(self) -> bytes:
        """Return the record of payment-events that reports the last transition."""
        return codec.encode_event(self.payment, self.past)


_ENCODER = msgspec.msgpack.Encoder()
_SNAPSHOTS = msgspec.msgpack.Decoder(Snapshot)


class StateOfUnknownSchema(Exception):
    """The log holds a state that this version cannot read: written by a newer one."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id}")
        self.schema_id = schema_id


def stored(value: Any) -> bytes:
    """Return the value as a store keeps it."""
    return _ENCODER.encode(value) if isinstance(value, Snapshot) else codec.encode(value)


def value_of(data: bytes) -> Any:
    """Return what `stored` was given, or what a record of the topic holds; raises StateOfUnknownSchema."""
    # A restore stores records as they are: they begin with a zero byte, and MessagePack's arrays do not.
    if data[:1] != codec.MAGIC:
        return _SNAPSHOTS.decode(data)
    try:
        value = codec.decode(data)
    except codec.UnknownSchema as error:
        raise StateOfUnknownSchema(error.schema_id) from error
    return Snapshot.after(value, None) if isinstance(value, Payment) else value
