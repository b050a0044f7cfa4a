"""What no later event of a payment changes, as bytes: it is copied from event to event."""

from __future__ import annotations

import msgspec


class Past(msgspec.Struct, frozen=True, array_like=True):
    """The Avro bytes of what no later event of a payment changes: its head, and its transitions so far, end to end."""

    head: bytes
    transitions: bytes
