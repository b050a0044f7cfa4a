"""Progress: whether payments still come in and come to their end, or nothing moves any more."""

from __future__ import annotations

import time
from collections.abc import Callable

# The slowest rail, a return after it, and the gateway's rarest questions move something sooner than this.
STANDSTILL_S_MAX = 180.0


class Progress:
    """Remembers the most payments and the fewest open ones that were seen, and when that last changed."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._moved_at_s = now_s()
        self._most = 0
        self._fewest: int | None = None
        # How many are open; 1 before anybody has looked.
        self.still_open = 1

    def note(self, total: int, still_open: int) -> None:
        """Hear how many payments there are, and how many are open; negative when nobody could say."""
        if total < 0 or still_open < 0:
            return
        self.still_open = still_open
        if total > self._most or self._fewest is None or still_open < self._fewest:
            self._most = max(self._most, total)
            self._fewest = still_open
            self._moved_at_s = self._now_s()

    def has_ceased(self) -> bool:
        """Say whether nothing has moved for STANDSTILL_S_MAX."""
        return self._now_s() - self._moved_at_s > STANDSTILL_S_MAX
