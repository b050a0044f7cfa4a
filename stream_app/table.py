"""The table of one partition: the newest snapshot of every key, as the log holds it.

Its changelog is the events topic itself, so state and event cannot differ. What a batch decides is staged, seen by the
rest of the batch, and applied when the log holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Table(Generic[Value]):
    """Snapshots by key, kept as the bytes that were written: small, and decoded only when a command asks."""

    def __init__(self, decode: Callable[[bytes], Value]) -> None:
        self._decode = decode
        self._stored: dict[bytes, bytes] = {}
        self._staged: dict[bytes, tuple[Value, bytes]] = {}

    def __len__(self) -> int:
        return len(self._stored)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the events topic; a later one of the same key replaces it, a tombstone removes it."""
        if value is None:
            self._stored.pop(key, None)
        else:
            self._stored[key] = value

    def peek(self, key: str) -> Value | None:
        """Return what the key stands at, decisions of the present batch included."""
        raw_key = key.encode()
        staged = self._staged.get(raw_key)
        if staged is not None:
            return staged[0]
        stored = self._stored.get(raw_key)
        return None if stored is None else self._decode(stored)

    def stage(self, key: str, value: Value, encoded: bytes) -> None:
        """Remember a decision of this batch; `encoded` is what is about to be written."""
        self._staged[key.encode()] = (value, encoded)

    def apply(self) -> None:
        """Make the staged snapshots the stored ones: the log holds them now."""
        for key, (_, encoded) in self._staged.items():
            self._stored[key] = encoded
        self._staged.clear()
