"""What an originator needs of its log: to append to it as its only writer, and to read the book of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rails.ach.book_reading import BookReading
from schemas.origination import AchRecord


class Origination(Protocol):
    """The log and its book. After an exception of any method nothing is known of the log, and the process ends."""

    @property
    def identity(self) -> str:
        """Which log this is."""
        ...

    @property
    def reading(self) -> BookReading:
        """What the book says, for the thread that writes."""
        ...

    def append(self, records: Sequence[AchRecord]) -> None:
        """Write records down, together or not at all, and fold them into the book."""
        ...

    def require_unsuperseded(self) -> None:
        """Raise when another originator has written."""
        ...

    def close(self) -> None: ...
