"""When rent is due: one date a month, from a lease's due day, start and end."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date


def due_date_in(year: int, month: int, due_day: int) -> date:
    """Return the due date in one month: due day 31 is the last day of a shorter month."""
    return date(year, month, min(due_day, calendar.monthrange(year, month)[1]))


def due_dates(*, due_day: int, start: date, end: date | None) -> Iterator[date]:
    """Yield a lease's due dates, oldest first, none before `start` or after `end`.

    A lease that starts on its due day is due that day. Without an end the dates go on to the
    end of the calendar (year 9999).
    """
    year, month = start.year, start.month
    while year <= date.max.year:
        due = due_date_in(year, month, due_day)
        if end is not None and due > end:
            return
        if due >= start:
            yield due
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def next_due_date(*, due_day: int, start: date, end: date | None, not_before: date | None = None) -> date | None:
    """Return the first due date on or after `not_before` (else the start), or None when the lease is over."""
    begin = start if not_before is None else max(start, not_before)
    return next(due_dates(due_day=due_day, start=begin, end=end), None)
