"""The periods that figures are summed by: days (UTC), weeks from Monday on, months."""

from __future__ import annotations

from datetime import date, timedelta
from typing import assert_never

from projections.queries import Bucket

PERIODS_DEFAULT = 30
PERIODS_MAX = 120  # Four months of days, ten years of months.


def last_periods(today: date, bucket: Bucket, count: int) -> tuple[date, ...]:
    """Return the first days of the last `count` periods, oldest first; today is in the last one."""
    match bucket:
        case Bucket.DAY:
            starts = [today - timedelta(days=back) for back in range(count)]
        case Bucket.WEEK:
            monday = today - timedelta(days=today.weekday())
            starts = [monday - timedelta(weeks=back) for back in range(count)]
        case Bucket.MONTH:
            this_month = today.year * 12 + today.month - 1
            starts = [date((this_month - back) // 12, (this_month - back) % 12 + 1, 1) for back in range(count)]
        case _:
            assert_never(bucket)
    return tuple(reversed(starts))
