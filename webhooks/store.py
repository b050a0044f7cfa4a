"""The state's own thread: SQLite waits for the disk there, and one thing happens at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from webhooks.pending import Pending

T = TypeVar("T")


class Store:
    """Work on the state is done in the order in which it was given."""

    def __init__(self, pending: Pending) -> None:
        self._pending = pending
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pending-deliveries")

    async def do(self, work: Callable[[Pending], T]) -> T:
        """Return what `work` returns, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._pending)

    def do_blocking(self, work: Callable[[Pending], T]) -> T:
        """Do what `do` does, for callers in a thread of their own."""
        return self._thread.submit(work, self._pending).result()

    async def close(self) -> None:
        await self.do(Pending.close)
        self._thread.shutdown()
