"""The table of one partition: the newest snapshot of every key, as the log holds it.

Its changelog is the events topic itself, so state and event cannot differ. What a batch decides is staged, seen by the
rest of the batch, and written to the store when the log holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from stream_app.exactly_once.restore import Store
from stream_app.stored import StateOfUnknownSchema

Value = TypeVar("Value")


class Table(Generic[Value]):
    """Snapshots by key in the lane's store: as `encode` gives them, or as they are on the topic, if read from there."""

    def __init__(self, store: Store, *, encode: Callable[[Value], bytes], decode: Callable[[bytes], Value]) -> None:
        self._store = store
        self._encode = encode
        self._decode = decode
        self._fetched: dict[str, Value | None] = {}
        self._staged: dict[str, Value] = {}

    def fetch(self, keys: Iterable[str]) -> None:
        """Look up all keys that a batch is about: together, which costs a quarter of one after the other."""
        keys = list(keys)
        self._fetched = {}
        for key, stored in zip(keys, self._store.get_many([key.encode() for key in keys]), strict=True):
            try:
                self._fetched[key] = None if stored is None else self._decode(stored)
            except StateOfUnknownSchema:
                continue  # Whoever peeks at it is told.

    def has(self, key: str) -> bool:
        """Say whether the key stands at anything, whether or not that can be read."""
        if key in self._staged or self._fetched.get(key) is not None:
            return True
        return key not in self._fetched and self._store.get(key.encode()) is not None

    def peek(self, key: str) -> Value | None:
        """Return what the key stands at, decisions of the present batch included."""
        staged = self._staged.get(key)
        if staged is not None:
            return staged
        if key in self._fetched:
            return self._fetched[key]
        stored = self._store.get(key.encode())
        return None if stored is None else self._decode(stored)

    def stage(self, key: str, value: Value) -> None:
        """Remember a decision of this batch."""
        self._staged[key] = value

    def staged(self) -> dict[bytes, bytes | None]:
        """Return what the batch changes, for the store to take when the log has it."""
        return {key.encode(): self._encode(value) for key, value in self._staged.items()}

    def unstage(self) -> None:
        """Forget what the batch decided: it is decided anew."""
        self._staged.clear()

    def applied(self) -> None:
        """Forget the batch: the store has what it changed."""
        self._staged.clear()
        self._fetched = {}
