"""Sums that a batch adds to: lines of a key and two numbers, summed here so that a row is written once a batch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

Line = tuple[tuple[object, ...], int, int]

DAY_US = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def summed(lines: Iterable[Line]) -> dict[tuple[object, ...], tuple[int, int]]:
    """Return the two sums of each key, keys in order: projectors that met in one table would wait and not deadlock."""
    sums: dict[tuple[object, ...], list[int]] = {}
    for key, first, second in lines:
        known = sums.get(key)
        if known is None:
            sums[key] = [first, second]
        else:
            known[0] += first
            known[1] += second
    return {key: (sums[key][0], sums[key][1]) for key in sorted(sums)}


def day_of(at_us: int) -> date:
    """Return the day (UTC) of a time in microseconds since the epoch."""
    return _day(at_us // DAY_US)


def month_of(at_us: int) -> date:
    """Return the first day of the month (UTC) of a time in microseconds since the epoch."""
    return _day(at_us // DAY_US).replace(day=1)


@lru_cache(maxsize=4096)  # Ten years of days: a batch asks for a few, thousands of times.
def _day(number: int) -> date:
    return date.fromordinal(_EPOCH_DAY + number)
