"""The simulated bank's clock: the machine's, behind a port that a virtual one can take."""

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
