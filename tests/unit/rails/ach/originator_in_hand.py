"""An originator whose log, clock and folders are in the test's hand; a crash leaves the records and the folders."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from rails.ach.book import Book
from rails.ach.book_reading import BookReading
from rails.ach.file_desk import Terms
from rails.ach.file_drop import QUIET_S, FolderDrop
from rails.ach.originator import Originator
from rails.bank import Outcome
from schemas.origination import AchRecord
from tests.unit.rails.accounts import KEYRING
from tests.unit.rails.ach.written_log import SENDER
from tests.unit.rails.set_clock import SetClock

LEAD_US = 300_000_000
TERMS = Terms(sender=SENDER, keyring=KEYRING, lead_us=LEAD_US)

Parameters = ParamSpec("Parameters")


def in_a_loop(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Let an async test run as any other."""

    @wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class RungClock(SetClock):
    """Tells those who watch it when it is set."""

    def __init__(self, us: int) -> None:
        super().__init__(us)
        self._watchers: list[Callable[[], None]] = []

    def set(self, us: int) -> None:
        self.us = us
        for on_set in self._watchers:
            on_set()

    async def watch(self, on_set: Callable[[], None]) -> None:
        self._watchers = [on_set]
        await asyncio.Event().wait()


class LogInHand:
    """The log as a list, and its book in `path`. Once `crash_after` records are written, it breaks."""

    identity = "a log"

    def __init__(self, records: list[AchRecord], path: Path, *, crash_after: int | None = None) -> None:
        self._records = records
        self._crash_after = crash_after
        self._book = Book(path)
        self._book.adopt(self.identity, len(records))
        self._book.apply(list(enumerate(records)))

    @property
    def reading(self) -> BookReading:
        return BookReading(self._book.connection)

    def append(self, records: Sequence[AchRecord]) -> None:
        if self._crash_after is not None and len(self._records) >= self._crash_after:
            raise RuntimeError("the broker is gone")
        first = len(self._records)
        self._records += records
        self._book.apply(list(enumerate(records, first)))

    def require_unsuperseded(self) -> None:
        return None

    def close(self) -> None:
        self._book.close()


class World:
    """What survives a crash: the records, the folders, the clock."""

    def __init__(self, folder: Path, now_us: int) -> None:
        self.folder = folder
        self.clock = RungClock(now_us)
        self.records: list[AchRecord] = []
        self._books = 0

    @contextlib.asynccontextmanager
    async def open(self, *, crash_after: int | None = None) -> AsyncIterator[Originator]:
        """An originator at work, with a book that it folds anew."""
        self._books += 1
        path = self.folder / f"book-{self._books}.sqlite"
        log = LogInHand(self.records, path, crash_after=crash_after)
        originator = Originator(log, path, FolderDrop(self.folder), TERMS, self.clock)
        working = asyncio.gather(originator.settle(), originator.watch_clock())
        try:
            yield originator
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await originator.close()

    def count(self, kind: type[AchRecord]) -> int:
        """How many records of a kind were written."""
        return sum(isinstance(each, kind) for each in self.records)

    def outbox(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "outbox").iterdir())}

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder / folder).iterdir())

    def bank_sends(self, name: str, data: bytes) -> None:
        """Put a file into the inbox that nobody has written to for a while."""
        path = self.folder / "inbox" / name
        path.write_bytes(data)
        long_ago = path.stat().st_mtime - 2 * QUIET_S
        os.utime(path, (long_ago, long_ago))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the originator does in threads of its own."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  What happens there tells no event.
            await asyncio.sleep(0.005)


async def outcomes(originator: Originator, after: int = 0) -> list[Outcome]:
    return [outcome for _, outcome in await originator.outcomes(after, 1000, 0)]
