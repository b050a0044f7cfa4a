"""The originator at work: one thread writes, one answers, one builds files; a loop does what is due when it is due."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from business_clock import Clock
from directory.sealing import CannotOpen
from payments.windows import eastern
from rails.ach import metrics
from rails.ach.bank_answers import faults_of
from rails.ach.book_reading import BookReading
from rails.ach.file_desk import FileDesk, Terms
from rails.ach.file_drop import DropConflict, FileDrop
from rails.ach.filed_contents import contents_of
from rails.ach.origination import Origination
from rails.ach.payment_file import file_name
from rails.ach.return_watch import rates_on
from rails.bank import Answer, Instruction, Outcome
from rails.nacha.faults import InvalidNachaFile
from rails.nacha.writer import write_file

log = structlog.get_logger(__name__)

T = TypeVar("T")

# At the inbox, at what was taken, and whether another originator has written. Far less than a file's lead.
LOOK_S = 1.0


class Originator:
    """A bank's counter (`rails.counter.Counter`) behind which files are made. The book lies in `path`."""

    def __init__(self, origination: Origination, path: Path, drop: FileDrop, terms: Terms, clock: Clock) -> None:
        self._log = origination
        self._drop = drop
        self._terms = terms
        self._clock = clock
        self._desk = FileDesk(origination, terms, clock)
        self._answering = BookReading.beside(path)
        self._building = BookReading.beside(path)
        self._threads = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"ach-{name}")
            for name in ("writer", "answers", "files")
        }
        self._look = asyncio.Event()
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def books_id(self) -> str:
        return hashlib.sha256(self._log.identity.encode()).hexdigest()[:32]

    @property
    def failure(self) -> BaseException | None:
        """Why nothing can be written any more; then the process ends."""
        return self._failure

    async def take(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        return await self._write(partial(self._desk.take, instructions))

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        return await self._run("answers", partial(self._answering.answers, references))

    async def outcomes(self, after: int, limit: int, wait_s: float) -> list[tuple[int, Outcome]]:
        """Return what the feed tells behind `after`; when that is nothing, wait up to `wait_s` for something."""
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            # Taken before the look: news that come between the look and the wait have set it already.
            news = self._news
            found = await self._run("answers", partial(self._answering.outcomes, after, limit))
            left_s = until - asyncio.get_running_loop().time()
            if found or left_s <= 0:
                return found
            try:
                await asyncio.wait_for(news.wait(), left_s)
            except TimeoutError:
                return []

    async def report(self, *, after: int, accounts_after: int, limit: int, with_totals: bool) -> dict[str, Any]:
        """Return the book for people: payments by phase if wanted, a page of files, a page of what came back."""
        reading = self._answering
        files = await self._run("answers", partial(reading.files, after, limit))
        return {
            "books_id": self.books_id,
            "phases": await self._run("answers", reading.phases) if with_totals else None,
            "problems": await self._run("answers", reading.problems),
            "return_rates": await self._run("answers", self._return_rates),
            "files": files,
            "next": files[-1]["file_number"] if len(files) == limit else None,
            "incoming": await self._run("answers", partial(reading.incoming, accounts_after, limit)),
        }

    async def watch_clock(self) -> None:
        """Do at once what has become due because the clock was set, until cancelled."""
        await self._clock.watch(self._look.set)

    async def settle(self) -> None:
        """Hand files in, hear what comes back, cut off and settle what is due, until cancelled."""
        await self._write(self._desk.show_problems)
        while True:
            self._look.clear()
            await self._write(self._log.require_unsuperseded)
            # Before anything settles: an entry that came back must not count as money that came.
            await self._read_inbox()
            due_at_us = await self._do_due()
            wait_s = None if due_at_us is None else self._clock.wait_s(due_at_us)
            try:
                await asyncio.wait_for(self._look.wait(), min(LOOK_S, LOOK_S if wait_s is None else wait_s))
            except TimeoutError:
                continue

    async def close(self) -> None:
        for thread in self._threads.values():
            thread.shutdown()
        self._answering.close()
        self._building.close()
        await asyncio.to_thread(self._log.close)

    async def _do_due(self) -> int | None:
        """Do everything that is due, each file handed in before what comes after it, and return when the next is."""
        while True:
            await self._hand_in()
            due_at_us = await self._write(self._desk.do_next)
            if due_at_us is None or due_at_us > self._clock.now_us():
                return due_at_us
            self._tell_news()

    async def _hand_in(self) -> None:
        """Hand in what is not handed in yet. What fails is tried again, the others are not kept waiting."""
        waiting = await self._run("files", self._building.undelivered)
        metrics.UNDELIVERED.set(len(waiting))
        for file_number in waiting:
            try:
                sha256 = await self._run("files", partial(self._build, file_number))
            except DropConflict:
                raise  # An alarm, and a stop: which of two files is right is for people to say.
            except (OSError, CannotOpen, InvalidNachaFile) as error:
                metrics.NOT_DELIVERED.inc()
                log.error("ach_file_not_handed_in", file_number=file_number, error=str(error))
                continue
            await self._write(partial(self._desk.delivered, file_number, sha256))
            metrics.UNDELIVERED.dec()

    def _build(self, file_number: int) -> bytes:
        filed = self._building.file(file_number)
        assert filed is not None
        contents = contents_of(self._building, filed, self._terms.keyring)
        return self._drop.put(file_name(filed.cut_off), write_file(contents))

    async def _read_inbox(self) -> None:
        try:
            names = await self._run("files", self._drop.incoming)
            for name in names:
                await self._read_incoming(name)
        except OSError as error:
            log.error("ach_inbox_not_read", error=str(error))

    async def _read_incoming(self, name: str) -> None:
        faults, file_sha256 = await self._run("files", partial(self._examine, name))
        if faults:
            metrics.INCOMING_REFUSED.inc()
            log.error("ach_incoming_file_refused", name=name, file=file_sha256.hex(), faults=len(faults))
            await self._run("files", partial(self._drop.refuse, name, faults))
            return
        with self._drop.open(name) as file:
            answers = await self._write(partial(self._desk.record_answers, file, file_sha256))
        await self._run("files", partial(self._drop.done, name))
        log.info("ach_incoming_file_read", name=name, file=file_sha256.hex(), answers=answers)
        self._tell_news()

    def _examine(self, name: str) -> tuple[list[str], bytes]:
        with self._drop.open(name) as file:
            faults = faults_of(file)
        with self._drop.open(name) as file:
            return faults, hashlib.file_digest(file, "sha256").digest()

    def _return_rates(self) -> list[dict[str, Any]]:
        today = eastern(self._clock.now_us()).date()
        return [
            {
                "kind": rate.level.kind,
                "returned": rate.returned,
                "originated": rate.originated,
                "is_exceeded": rate.is_exceeded,
            }
            for rate in rates_on(self._answering, today)
        ]

    def _tell_news(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _write(self, work: Callable[[], T]) -> T:
        """Work in the thread that writes. What fails there leaves the log's state unknown: nothing is written after."""
        if self._failure is not None:
            raise self._failure
        try:
            return await self._run("writer", work)
        except Exception as error:
            self._failure = error
            self._look.set()
            raise

    async def _run(self, thread: str, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads[thread], work)
