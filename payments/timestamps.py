"""Times as text, wherever DirectPay shows or writes one."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

# What happens together has few different seconds.
SECONDS_REMEMBERED_MAX = 1024
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  Only ever printed, as UTC.


def rfc3339(at_us: int) -> str:
    """Return microseconds since the epoch as RFC 3339 text in UTC, with 6 decimals: 2026-03-01T00:00:00.000000Z."""
    at_s, us = divmod(at_us, 1_000_000)
    return f"{_second(at_s)}.{us:06d}Z"


@lru_cache(maxsize=SECONDS_REMEMBERED_MAX)
def _second(at_s: int) -> str:
    return (_EPOCH + timedelta(seconds=at_s)).isoformat()
