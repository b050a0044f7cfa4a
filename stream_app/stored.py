"""How snapshots are stored: a payment in a form that decodes in a tenth of Avro's time, the rest as on the topic.

A lookup decodes a payment to decide one step of it; with Avro that was a third of the stream app's work.
"""

from __future__ import annotations

from typing import Any

import msgspec

from payments.payment import Payment
from schemas import codec

# Part of what a store is of: with another number it does not fit, and is filled from the topic again.
FORMAT = 1

_ENCODER = msgspec.msgpack.Encoder()
_PAYMENTS = msgspec.msgpack.Decoder(Payment)


class StateOfUnknownSchema(Exception):
    """The log holds a state that this version cannot read: written by a newer one."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema id {schema_id}")
        self.schema_id = schema_id


def stored(value: Any) -> bytes:
    """Return the value as a store keeps it."""
    return _ENCODER.encode(value) if isinstance(value, Payment) else codec.encode(value)


def value_of(data: bytes) -> Any:
    """Return what `stored` was given, or what a record of the topic holds; raises StateOfUnknownSchema."""
    # A restore stores records as they are: they begin with a zero byte, and MessagePack's maps do not.
    if data[:1] != codec.MAGIC:
        return _PAYMENTS.decode(data)
    try:
        return codec.decode(data)
    except codec.UnknownSchema as error:
        raise StateOfUnknownSchema(error.schema_id) from error
