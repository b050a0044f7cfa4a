"""The simulated bank's counter for files: takes those that come over HTTP or lie in a folder, and does what is due."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from business_clock import Clock
from rails.ach.file_drop import FileDrop
from rails.nacha.file_header import FileHeader
from rails.simulated.ach.deposit import (
    FILE_BYTES_MAX,
    BrokenFile,
    FileTooLarge,
    InvalidFileName,
    read_deposit,
    require_name,
)
from rails.simulated.ach.due_dates import made_by_us
from rails.simulated.ach.file_books import FileBooks, FileIdTaken, FileNameTaken
from rails.simulated.ach.file_rows import Taken
from rails.simulated.ach.injected_faults import Outages

log = structlog.get_logger(__name__)

LOOK_S = 0.5  # At the folder. Far less than the time between a file's cut-off and its window's end.

# Why a file is not taken.
REFUSALS = (BrokenFile, FileTooLarge, InvalidFileName, FileIdTaken, FileNameTaken)

T = TypeVar("T")


class BooksThread(Protocol):
    """Does work in the one thread that may touch the books."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


class FileCounter:
    """`run` works in the books' thread; `drop` is the folder of an originator, seen from the bank's side.

    `outages` says when the bank is not to be reached: then no file is fetched, and none handed over.
    """

    def __init__(
        self,
        books: FileBooks,
        clock: Clock,
        run: BooksThread,
        drop: FileDrop | None = None,
        outages: Callable[[], Outages] = Outages,
    ) -> None:
        self._books = books
        self._clock = clock
        self._run = run
        self._drop = drop
        self._outages = outages
        self._look = asyncio.Event()

    async def put(self, name: str, data: bytes) -> Taken:
        """Take a file that comes now; raises one of REFUSALS."""
        return await self._take(name, data, lambda _header: self._clock.now_us())

    async def file(self, name: str) -> bytes | None:
        """Return the bytes of a file that came or that the bank wrote, or None."""
        return await self._run(partial(self._books.file, name))

    async def report(self, *, before: int, limit: int) -> dict[str, Any]:
        """Return the files for people to read."""
        return await self._run(partial(self._books.report, before=before, limit=limit))

    async def next_due_us(self) -> int | None:
        """Return when an entry is next due, or None."""
        return await self._run(self._books.next_due_us)

    async def watch_clock(self) -> None:
        """Do at once what has become due because the clock was set, until cancelled."""
        await self._clock.watch(self._look.set)

    async def work(self) -> None:
        """Fetch files, do what is due, hand over what was written, until cancelled."""
        while True:
            self._look.clear()
            if self._drop is not None and not self._is_out():
                await self._fetch(self._drop)
            await self._do_due()
            if self._drop is not None and not self._is_out():
                await self._hand_over(self._drop)
            wait_s = await self._wait_s()
            try:
                await asyncio.wait_for(self._look.wait(), wait_s)
            except TimeoutError:
                continue

    def _is_out(self) -> bool:
        return self._outages().end_us(self._clock.now_us()) is not None

    async def _wait_s(self) -> float | None:
        due_us = await self.next_due_us()
        wait_s = None if due_us is None else self._clock.wait_s(due_us)
        if self._drop is None:
            return wait_s
        return LOOK_S if wait_s is None else min(LOOK_S, wait_s)

    async def _do_due(self) -> None:
        while await self._run(lambda: self._books.post_due(now_us=self._clock.now_us())):
            pass
        while name := await self._run(partial(self._books.write_answers, dated_us=self._clock.dated_us)):
            log.info("ach_answers_written", name=name)

    async def _take(self, name: str, data: bytes, received_us: Callable[[FileHeader], int]) -> Taken:
        try:
            require_name(name)
            deposit = await asyncio.to_thread(read_deposit, data)
            received_at_us = received_us(deposit.header)
            taken = await self._run(partial(self._books.take, name, deposit, received_at_us=received_at_us))
        except REFUSALS as refusal:
            await self._remember(name, data, refusal)
            raise
        if taken.is_new:
            log.info("ach_file_taken", name=name, file=taken.sha256, entries=taken.entries)
            self._look.set()
        return taken

    async def _remember(self, name: str, data: bytes, refusal: Exception) -> None:
        """Write down that a file was refused, and why, for people; nothing depends on it."""
        digest = hashlib.sha256(data).digest()
        now_us = self._clock.now_us()
        await self._run(partial(self._books.refuse, name, digest, faults_of(refusal), at_us=now_us))
        log.warning("ach_file_refused", name=name, file=digest.hex(), why=str(refusal))

    async def _fetch(self, drop: FileDrop) -> None:
        """Take what lies in the folder. A file that was taken before the bank ended is taken again, and is the same."""
        try:
            for name in await asyncio.to_thread(drop.incoming):
                await self._fetch_one(drop, name)
        except OSError as error:
            log.error("ach_files_not_fetched", error=str(error))

    async def _fetch_one(self, drop: FileDrop, name: str) -> None:
        try:
            data = await asyncio.to_thread(_read, drop, name)
            await self._take(name, data, self._handed_in_us)
        except REFUSALS as refusal:
            await asyncio.to_thread(drop.refuse, name, [_line_of(fault) for fault in faults_of(refusal)])
            return
        await asyncio.to_thread(drop.done, name)

    def _handed_in_us(self, header: FileHeader) -> int:
        """Return when a file in the folder came: by a clock that is set, when it was made, as its originator dates it.

        A clock that goes from one hour to another at once leaves no time to carry files. What was made in an outage
        came behind it.
        """
        made_us = made_by_us(header)
        now_us = self._clock.now_us()
        return now_us if made_us is None else min(now_us, self._outages().reached_us(self._clock.dated_us(made_us)))

    async def _hand_over(self, drop: FileDrop) -> None:
        try:
            while file := await self._run(self._books.to_hand_over):
                name, data = file
                await asyncio.to_thread(drop.put, name, (data,))
                await self._run(partial(self._books.handed_over, name))
        except OSError as error:
            log.error("ach_answers_not_handed_over", error=str(error))


def faults_of(refusal: Exception) -> list[dict[str, Any]]:
    """Return why a file was refused: of a broken one line, field, columns, rule and detail, else the detail alone."""
    if isinstance(refusal, BrokenFile):
        return [msgspec.to_builtins(fault) for fault in refusal.faults]
    return [{"detail": str(refusal)}]


def _line_of(fault: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fault.items())


def _read(drop: FileDrop, name: str) -> bytes:
    with drop.open(name) as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise FileTooLarge
    return data
