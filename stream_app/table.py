"""The table of one partition: the newest snapshot of every key, as the log holds it.

Its changelog is the events topic itself, so state and event cannot differ. What a batch decides is staged, seen by the
rest of the batch, and written to the store when the log holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from stream_app.exactly_once.restore import Store

Value = TypeVar("Value")


class Table(Generic[Value]):
    """Snapshots by key in the lane's store: as `encode` gives them, or as they are on the topic, if read from there."""

    def __init__(self, store: Store, *, encode: Callable[[Value], bytes], decode: Callable[[bytes], Value]) -> None:
        self._store = store
        self._encode = encode
        self._decode = decode
        self._staged: dict[bytes, Value] = {}

    def peek(self, key: str) -> Value | None:
        """Return what the key stands at, decisions of the present batch included."""
        raw_key = key.encode()
        staged = self._staged.get(raw_key)
        if staged is not None:
            return staged
        stored = self._store.get(raw_key)
        return None if stored is None else self._decode(stored)

    def stage(self, key: str, value: Value) -> None:
        """Remember a decision of this batch."""
        self._staged[key.encode()] = value

    def staged(self) -> dict[bytes, bytes | None]:
        """Return what the batch changes, for the store to take when the log has it."""
        return {key: self._encode(value) for key, value in self._staged.items()}

    def applied(self) -> None:
        """Forget the staged snapshots: the store has them now."""
        self._staged.clear()
