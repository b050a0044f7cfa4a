"""The bank at work: takes instructions, settles them when they are due, and lets readers of the feed wait for news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog

from business_clock import Clock
from rails.bank import Answer, Instruction, Outcome
from rails.simulated.books import DUE_MAX, Books

log = structlog.get_logger(__name__)

# What becomes due within this time is booked and told together: a transaction, its way to the disk, a page of the feed
# and what the gateway does with it cost as much for one transfer as for fifty. The fastest rail takes a second.
ROUND_S = 0.1

T = TypeVar("T")


class Teller:
    """Everything that touches the books, through the one thread that may."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="books")
        self._due_sooner = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def books_id(self) -> str:
        return self._books.books_id

    async def take(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        answers = await self.run(partial(self._books.take, instructions, received_us=self._clock.dated_us))
        self._due_sooner.set()
        return answers

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        return await self.run(partial(self._books.ask, references))

    async def outcomes(self, after: int, limit: int, wait_s: float) -> list[tuple[int, Outcome]]:
        """Return what the feed tells behind `after`; when that is nothing, wait up to `wait_s` for something."""
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            # Taken before the look: news that come between the look and the wait have set it already.
            news = self._news
            found = await self.run(partial(self._books.outcomes, after, limit))
            left_s = until - asyncio.get_running_loop().time()
            if found or left_s <= 0:
                return found
            try:
                await asyncio.wait_for(news.wait(), left_s)
            except TimeoutError:
                return []

    async def report(self, *, after: int, accounts_after: int, limit: int, with_totals: bool) -> dict[str, Any]:
        """Return the books as they stand: totals if wanted, a page of accounts, a page of transfers."""
        totals = await self.run(self._books.totals) if with_totals else None
        accounts = await self.run(partial(self._books.accounts, accounts_after, limit))
        transfers = await self.run(partial(self._books.transfers, after, limit))
        return {
            "books_id": self.books_id,
            "totals": totals,
            "accounts": accounts,
            "accounts_next": accounts[-1]["account_id"] if len(accounts) == limit else None,
            "transfers": transfers,
            "next": transfers[-1]["transfer_id"] if len(transfers) == limit else None,
        }

    async def next_due_us(self) -> int | None:
        """Return when a transfer is next due, or None."""
        return await self.run(self._books.next_due_us)

    async def watch_clock(self) -> None:
        """Do at once what has become due because the clock was set, until cancelled."""
        await self._clock.watch(self._due_sooner.set)

    def tell_news(self) -> None:
        """Let those who wait for the feed look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def settle(self) -> None:
        """Do what is due when it is due, until cancelled."""
        while True:
            self._due_sooner.clear()
            done = await self.run(lambda: self._books.settle_due(now_us=self._clock.now_us()))
            if done:
                self.tell_news()
                log.debug("transfers_settled", count=done)
            if done == DUE_MAX:
                continue
            await asyncio.sleep(ROUND_S)
            wait_s = await self._wait_s()
            try:
                await asyncio.wait_for(self._due_sooner.wait(), wait_s)
            except TimeoutError:
                continue

    async def close(self) -> None:
        await self.run(self._books.close)
        self._thread.shutdown()

    async def _wait_s(self) -> float | None:
        due_us = await self.next_due_us()
        return None if due_us is None else self._clock.wait_s(due_us)

    async def run(self, work: Callable[[], T]) -> T:
        """Work on the books, in their thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
