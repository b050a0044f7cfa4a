"""When a delivery is attempted again, and when it has failed for good: Standard Webhooks' recommendations."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

SECOND_US = 1_000_000
# The recommended schedule: 10 attempts over about 75 hours.
DELAYS_S = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
# Each wait is longer by up to this part of it, so that what failed together does not come back together.
JITTER = 0.1
# A receiver may ask for more patience than the schedule has, but not for ever.
RETRY_AFTER_S_MAX = 24 * 3600
ATTEMPTS_MAX = 100

GONE = 410
# The answers whose Retry-After is heeded (RFC 9110, 10.2.3; RFC 6585, 4).
ASK_FOR_TIME = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long to wait before each attempt, in seconds; `chance` gives numbers from 0 to 1 for the jitter."""

    delays_s: Sequence[float] = DELAYS_S
    chance: Callable[[], float] = random.random

    def next_us(self, now_us: int, tries: int, retry_after_s: float | None) -> int | None:
        """Return when to try again after `tries` attempts, not before what the receiver asked for; None: never."""
        if tries >= len(self.delays_s):
            return None
        wait_s = self.delays_s[tries] * (1 + JITTER * self.chance())
        return now_us + int(max(wait_s, retry_after_s or 0.0) * SECOND_US)


def parse_schedule(text: str) -> tuple[float, ...]:
    """Read `0,5,300`: seconds before each attempt. Raises ValueError."""
    delays = tuple(float(part) for part in text.split(","))
    if not 1 <= len(delays) <= ATTEMPTS_MAX or not all(0 <= delay <= RETRY_AFTER_S_MAX for delay in delays):
        raise ValueError(f"must be 1 to {ATTEMPTS_MAX} waits of 0 to {RETRY_AFTER_S_MAX} seconds, with commas between")
    return delays


def retry_after_s(status_code: int, header: str | None, now_us: int) -> float | None:
    """Return for how many seconds a receiver asks for patience (by a number or an HTTP date), at most 24 hours.

    None: it does not, or what it says cannot be understood.
    """
    if status_code not in ASK_FOR_TIME or header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Longer numbers mean the bound as well.
        return float(min(int(text[:10]), RETRY_AFTER_S_MAX))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # An HTTP date is in GMT; where it does not say so, it means it.
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    wait_s = at.timestamp() - now_us / SECOND_US
    return min(max(0.0, wait_s), float(RETRY_AFTER_S_MAX))
