"""A clock in the test's hand: business and machine time are the same, unless the test parts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class SetClock:
    """Shows what it is set to. `machine_us` None: the machine's time is the business time."""

    def __init__(self, us: int, machine_us: int | None = None) -> None:
        self.us = us
        self.machine_us = machine_us

    def now_us(self) -> int:
        return self.us

    def system_us(self) -> int:
        return self.us if self.machine_us is None else self.machine_us

    def dated_us(self, due_us: int) -> int:
        return self.us

    def ahead_us(self, real_us: int) -> int:
        return self.us + real_us

    def wait_s(self, at_us: int) -> float | None:
        return max(0, at_us - self.us) / 1_000_000

    async def watch(self, on_set: Callable[[], None]) -> None:
        await asyncio.Event().wait()
