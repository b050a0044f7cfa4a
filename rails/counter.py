"""What stands behind a bank's HTTP: takes instructions, answers questions, tells outcomes, and works meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from rails.bank import Answer, Instruction, Outcome


class Counter(Protocol):
    """A bank's counter. `books_id` names its feed: a cursor of another one means nothing here."""

    @property
    def books_id(self) -> str: ...

    async def take(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        """Take what is new, and return the standing of all; one that is missing gets no answer."""
        ...

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        """Return the standing of every reference."""
        ...

    async def outcomes(self, after: int, limit: int, wait_s: float) -> list[tuple[int, Outcome]]:
        """Return what the feed tells behind `after`; when that is nothing, wait up to `wait_s` for something."""
        ...

    async def report(self, *, after: int, accounts_after: int, limit: int, with_totals: bool) -> dict[str, Any]:
        """Return the books for people to read."""
        ...

    async def settle(self) -> None:
        """Do what is due when it is due, until cancelled."""
        ...

    async def watch_clock(self) -> None:
        """Do at once what has become due because the clock was set, until cancelled."""
        ...

    async def close(self) -> None: ...
