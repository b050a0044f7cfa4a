"""What is to be done when: heaps of times whose due items are taken in batches."""

from __future__ import annotations

import asyncio
import heapq
from enum import StrEnum
from typing import Generic, TypeVar

from business_clock import Clock

T = TypeVar("T")


class By(StrEnum):
    """Which clock a time is of: what is due follows the business, what is tried again the machine."""

    BUSINESS = "business"
    MACHINE = "machine"


class Agenda(Generic[T]):
    """Items with times (microseconds). The bound is the caller's: an item stays until its time, even a stale one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heaps: dict[By, list[tuple[int, int, T]]] = {by: [] for by in By}
        self._added = 0
        self._sooner = asyncio.Event()
        # One taker waits for the next time, the others for their turn: a new item wakes one, not all of them.
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return sum(len(heap) for heap in self._heaps.values())

    def add(self, at_us: int, item: T, by: By = By.BUSINESS) -> None:
        """Put an item on; items of one time are taken in the order in which they were added."""
        heap = self._heaps[by]
        is_first = not heap or at_us < heap[0][0]
        heapq.heappush(heap, (at_us, self._added, item))
        self._added += 1
        if is_first:
            self._sooner.set()

    def look_again(self) -> None:
        """Let a waiting taker look at once: the clock was set."""
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
        due: list[T] = []
        for by, now_us in ((By.BUSINESS, self._clock.now_us()), (By.MACHINE, self._clock.system_us())):
            heap = self._heaps[by]
            while heap and len(due) < most and heap[0][0] <= now_us:
                due.append(heapq.heappop(heap)[2])
        return due

    async def _wait(self) -> None:
        waits_s = []
        if heap := self._heaps[By.BUSINESS]:
            waits_s.append(self._clock.wait_s(heap[0][0]))
        if heap := self._heaps[By.MACHINE]:
            waits_s.append(max(0.0, (heap[0][0] - self._clock.system_us()) / 1_000_000))
        # A little over: the timer may fire early, and a second round costs more than a tenth of a millisecond.
        wait_s = min((each + 0.0001 for each in waits_s if each is not None), default=None)
        try:
            await asyncio.wait_for(self._sooner.wait(), wait_s)
        except TimeoutError:
            return
