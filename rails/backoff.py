"""How long to wait before trying again."""

from __future__ import annotations

import asyncio
import random

FIRST_S = 0.1
MOST_S = 5.0  # One that comes back after an outage is noticed this soon.


class Backoff:
    """Waits twice as long after each failure, up to a bound, with jitter so that many do not come back at once."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def next_s(self) -> float:
        """Return how long to wait after one more failure."""
        wait_s = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(MOST_S, self._next_s * 2)
        return wait_s

    async def wait(self) -> None:
        await asyncio.sleep(self.next_s())

    def succeeded(self) -> None:
        self._next_s = FIRST_S
