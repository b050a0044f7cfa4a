"""Answers that several callers share: what they ask within a moment is found out once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")

KEPT_S = 1.0  # A figure on a screen may be as old; a hundred screens cost what one does.


class SharedAnswers(Generic[Key, Answer]):
    """Finds the answer to a key at most once in `kept_s`. A failure is told to those who wait for it, and not kept."""

    def __init__(self, find: Callable[[Key], Awaitable[Answer]], *, kept_s: float = KEPT_S) -> None:
        self._find = find
        self._kept_s = kept_s
        self._kept: dict[Key, tuple[float, asyncio.Task[Answer]]] = {}

    async def get(self, key: Key) -> Answer:
        """Return the answer; raises what finding it raised."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or self._is_over(*kept, now):
            # What is over goes here, so no more is kept than was asked for within the time.
            self._kept = {each: held for each, held in self._kept.items() if not self._is_over(*held, now)}
            task = asyncio.create_task(self._found(key))
            task.add_done_callback(_seen)
            self._kept[key] = (now, task)
        else:
            _, task = kept
        # A caller who leaves must not end it for the others.
        return await asyncio.shield(task)

    async def _found(self, key: Key) -> Answer:
        return await self._find(key)

    def _is_over(self, at: float, task: asyncio.Task[Answer], now: float) -> bool:
        if not task.done():
            return False
        return now - at > self._kept_s or task.cancelled() or task.exception() is not None


def _seen(task: asyncio.Task[Answer]) -> None:
    """Take the exception of an answer that nobody waits for any more, or asyncio reports it as lost."""
    if not task.cancelled():
        task.exception()
