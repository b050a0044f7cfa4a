"""What a clock tells, and the machine's own. All times are microseconds since the epoch, UTC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

SECOND_US = 1_000_000


def system_us() -> int:
    """Return the machine's time."""
    return time.time_ns() // 1000


class Clock(Protocol):
    """Business time, and beside it the machine's, by which retries and time-outs go whatever the business time is."""

    def now_us(self) -> int:
        """Return the business time."""
        ...

    def system_us(self) -> int:
        """Return the machine's time."""
        ...

    def dated_us(self, due_us: int) -> int:
        """Return the date of what was due at `due_us` and is done now: now, or, by a clock that is set, when it was
        due: its time passes for what waits on it, not for the work."""
        ...

    def ahead_us(self, real_us: int) -> int:
        """Return the business time in `real_us` microseconds of the machine's time, if nobody sets the clock."""
        ...

    def wait_s(self, at_us: int) -> float | None:
        """Return in how many real seconds the business time is `at_us`; None when the clock stands before it."""
        ...

    async def watch(self, on_set: Callable[[], None]) -> None:
        """Call `on_set` whenever the clock was set, until cancelled: what waits for a time has to look again."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return system_us()

    def system_us(self) -> int:
        return system_us()

    def dated_us(self, due_us: int) -> int:
        return system_us()

    def ahead_us(self, real_us: int) -> int:
        return system_us() + real_us

    def wait_s(self, at_us: int) -> float | None:
        return max(0.0, (at_us - system_us()) / SECOND_US)

    async def watch(self, on_set: Callable[[], None]) -> None:
        await asyncio.Event().wait()
