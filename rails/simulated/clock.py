"""The simulated bank's clock: the machine's, or one that tests set."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in microseconds since the epoch, UTC."""

    def now_us(self) -> int: ...


class RealClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


class SetClock:
    """A clock that stands still until it is set; it never goes back."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def set(self, now_us: int) -> None:
        assert now_us >= self._now_us, "a bank's clock does not go back"
        self._now_us = now_us
