"""What is to be done when: a heap of times whose due items are taken in batches."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Agenda(Generic[T]):
    """Items with times (microseconds). The bound is the caller's: an item stays until its time, even a stale one."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._heap: list[tuple[int, int, T]] = []
        self._added = 0
        self._sooner = asyncio.Event()
        # One taker waits for the next time, the others for their turn: a new item wakes one, not all of them.
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at_us: int, item: T) -> None:
        """Put an item on; items of one time are taken in the order in which they were added."""
        is_first = not self._heap or at_us < self._heap[0][0]
        heapq.heappush(self._heap, (at_us, self._added, item))
        self._added += 1
        if is_first:
            self._sooner.set()

    async def take(self, most: int) -> list[T]:
        """Return at least one and at most `most` items whose time has come, earliest first; wait until there is one."""
        async with self._turn:
            while True:
                self._sooner.clear()
                due = self._pop_due(most)
                if due:
                    return due
                await self._wait()

    def _pop_due(self, most: int) -> list[T]:
        now_us = self._now_us()
        due: list[T] = []
        while self._heap and len(due) < most and self._heap[0][0] <= now_us:
            due.append(heapq.heappop(self._heap)[2])
        return due

    async def _wait(self) -> None:
        wait_s = None
        if self._heap:
            # A little over: the timer may fire early, and a second round costs more than a tenth of a millisecond.
            wait_s = max(0.0, (self._heap[0][0] - self._now_us()) / 1_000_000) + 0.0001
        try:
            await asyncio.wait_for(self._sooner.wait(), wait_s)
        except TimeoutError:
            return
