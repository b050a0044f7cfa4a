"""How far the input was decided when a record was written, told by the record itself.

The group's offsets say the same, but they are the broker's: it may come back without them (docs/decisions/0049). The
last record that a lane writes in a transaction tells in a header which offsets the transaction commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADER = "decided"


def told(places: Mapping[str, int]) -> bytes:
    """Return the next offset to decide by topic id as a header's value: `id:offset id:offset`."""
    return " ".join(f"{topic_id}:{offset}" for topic_id, offset in sorted(places.items())).encode()


def places(value: bytes) -> dict[str, int]:
    """Return what `told` was given."""
    return {topic_id: int(offset) for topic_id, _, offset in (each.partition(":") for each in value.decode().split())}


def value_in(headers: Any) -> bytes | None:
    """Return the header's value, None where a record has none: it was not the last of its transaction."""
    return next((value for name, value in headers or () if name == HEADER), None)
