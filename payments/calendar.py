"""Banking days: every day but Saturdays, Sundays and the holidays of the Federal Reserve Banks.

Source of the rules: the Federal Reserve Banks' holiday schedule, frbservices.org. They are applied to every year, past
and future; a holiday that a later law adds is a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
DAY = timedelta(days=1)
YEARS_REMEMBERED = 256


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _nth(month: int, weekday: int, nth: int) -> Callable[[int], date]:
    def find(year: int) -> date:
        first = date(year, month, 1)
        return first + DAY * ((weekday - first.weekday()) % 7 + 7 * (nth - 1))

    return find


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - DAY * ((last.weekday() - MONDAY) % 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A holiday and how its date is found; before `since` it was none."""

    name: str
    date_in: Callable[[int], date]
    since: int = 1


HOLIDAYS = (
    Holiday(name="New Year's Day", date_in=_fixed(1, 1)),
    Holiday(name="Birthday of Martin Luther King, Jr.", date_in=_nth(1, MONDAY, 3), since=1986),
    Holiday(name="Washington's Birthday", date_in=_nth(2, MONDAY, 3)),
    Holiday(name="Memorial Day", date_in=_last_monday_of_may),
    Holiday(name="Juneteenth National Independence Day", date_in=_fixed(6, 19), since=2021),
    Holiday(name="Independence Day", date_in=_fixed(7, 4)),
    Holiday(name="Labor Day", date_in=_nth(9, MONDAY, 1)),
    Holiday(name="Columbus Day", date_in=_nth(10, MONDAY, 2)),
    Holiday(name="Veterans Day", date_in=_fixed(11, 11)),
    Holiday(name="Thanksgiving Day", date_in=_nth(11, THURSDAY, 4)),
    Holiday(name="Christmas Day", date_in=_fixed(12, 25)),
)


@lru_cache(maxsize=YEARS_REMEMBERED)
def closed_in(year: int) -> dict[date, str]:
    """Return the weekdays of a year on which a holiday closes the Federal Reserve Banks, with its name.

    A holiday on a Sunday closes the Monday behind it. One on a Saturday closes no other day: the Friday before is open,
    unlike at federal offices.
    """
    closed = {}
    for holiday in HOLIDAYS:
        if year < holiday.since:
            continue
        day = holiday.date_in(year)
        if day.weekday() == SUNDAY:
            day += DAY
        if day.weekday() != SATURDAY:
            closed[day] = holiday.name
    return closed


def is_banking_day(day: date) -> bool:
    """Tell whether the Federal Reserve Banks are open, and ACH and Fedwire settle."""
    return day.weekday() < SATURDAY and day not in closed_in(day.year)


def banking_day_from(day: date) -> date:
    """Return the day itself when it is a banking day, else the next one."""
    while not is_banking_day(day):
        day += DAY
    return day


def next_banking_day(day: date) -> date:
    """Return the first banking day after `day`."""
    return banking_day_from(day + DAY)


def add_banking_days(day: date, count: int) -> date:
    """Return the `count`th banking day after `day`; for 0, the day itself or the next banking day."""
    assert count >= 0, count
    day = banking_day_from(day)
    for _ in range(count):
        day = next_banking_day(day)
    return day
