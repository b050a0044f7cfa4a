"""Two years of bank hours, written down by hand from what the Federal Reserve Banks and Nacha publish.

Nothing here is shared with the product: no holiday is computed, no weekday asked, no time zone looked up.

- Banking days: the Federal Reserve Banks' holiday schedule of 2026 and 2027 (frbservices.org, richmondfed.org): for a
  holiday on a Saturday they are open the Friday before, for one on a Sunday they are closed the Monday behind.
- Daylight saving: 15 U.S.C. 260a, from the second Sunday of March to the first of November, at 2:00.
- Same-day ACH: the FedACH processing schedule; the limit an entry: Nacha's same-day ACH rules.
- Standard ACH: settled at 8:30 of the next banking day; a credit may be dated two banking days ahead, and no further.
- Fedwire: from 21:00 of the calendar day before (federalreserve.gov, about the Fedwire Funds Service), for customers'
  transfers until 18:45 (the Reserve Banks' announcement of 2 October 2020).
- FedNow and RTP never close.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, timedelta
from typing import NamedTuple

# Month, then the days on which the Reserve Banks are open; what is missing in a week of five is a holiday.
OPEN = """
2026-01  2  5-9  12-16  20-23  26-30       New Year's Day (1st), Martin Luther King (19th)
2026-02  2-6  9-13  17-20  23-27           Washington (16th)
2026-03  2-6  9-13  16-20  23-27  30-31
2026-04  1-3  6-10  13-17  20-24  27-30
2026-05  1  4-8  11-15  18-22  26-29       Memorial Day (25th)
2026-06  1-5  8-12  15-18  22-26  29-30    Juneteenth (19th)
2026-07  1-3  6-10  13-17  20-24  27-31    Independence Day is Saturday the 4th: Friday is open
2026-08  3-7  10-14  17-21  24-28  31
2026-09  1-4  8-11  14-18  21-25  28-30    Labor Day (7th)
2026-10  1-2  5-9  13-16  19-23  26-30     Columbus Day (12th)
2026-11  2-6  9-10  12-13  16-20  23-25  27  30    Veterans Day (11th), Thanksgiving (26th)
2026-12  1-4  7-11  14-18  21-24  28-31    Christmas (25th)
2027-01  4-8  11-15  19-22  25-29          New Year's Day (1st), Martin Luther King (18th)
2027-02  1-5  8-12  16-19  22-26           Washington (15th)
2027-03  1-5  8-12  15-19  22-26  29-31
2027-04  1-2  5-9  12-16  19-23  26-30
2027-05  3-7  10-14  17-21  24-28          Memorial Day (31st)
2027-06  1-4  7-11  14-18  21-25  28-30    Juneteenth is Saturday the 19th: Friday is open
2027-07  1-2  6-9  12-16  19-23  26-30     Independence Day is Sunday the 4th: Monday is closed
2027-08  2-6  9-13  16-20  23-27  30-31
2027-09  1-3  7-10  13-17  20-24  27-30    Labor Day (6th)
2027-10  1  4-8  12-15  18-22  25-29       Columbus Day (11th)
2027-11  1-5  8-10  12  15-19  22-24  26  29-30    Veterans Day (11th), Thanksgiving (25th)
2027-12  1-3  6-10  13-17  20-24  27-31    Christmas is Saturday the 25th: Friday is open
2028-01  3-7                               New Year's Day is Saturday: 31 December is open
"""
# From and to these days all times that banks name are 4 hours behind UTC, else 5. On the Sundays on which clocks change
# only Fedwire's opening is one, behind the change.
SUMMER_TIME = (("2026-03-08", "2026-10-31"), ("2027-03-14", "2027-11-06"))

SAME_DAY = (("10:30", "13:00"), ("14:45", "17:00"), ("16:45", "18:00"))
SAME_DAY_LIMIT_MINOR = 100_000_000
SAME_DAY_LIMIT_FROM, SAME_DAY_LIMIT_THEN_MINOR = "2027-09-17", 1_000_000_000
STANDARD_SETTLES = "08:30"
FEDWIRE_OPENS, FEDWIRE_CLOSES = "21:00", "18:45"


class Row(NamedTuple):
    """What is in by an instant of a banking day's settles at another; microseconds since 1970, UTC."""

    in_by_us: int
    settles_at_us: int
    day: str
    is_same_day: bool


def at_us(day: str, clock: str) -> int:
    """An Eastern wall clock time of banks."""
    hours = 4 if any(first <= day <= last for first, last in SUMMER_TIME) else 5
    return int(datetime.fromisoformat(f"{day}T{clock}-0{hours}:00").timestamp()) * 1_000_000


def _days() -> list[str]:
    days = []
    for line in OPEN.strip().splitlines():
        month, *rest = line.split()
        for part in rest:
            first, _, last = part.partition("-")
            if not first.isdigit():
                break  # The rest of the line is for people.
            days += [f"{month}-{day:02d}" for day in range(int(first), int(last or first) + 1)]
    return days


BANKING_DAYS = _days()
SAME_DAY_ROWS = [
    Row(at_us(day, in_by), at_us(day, settles), day, is_same_day=True)
    for day in BANKING_DAYS
    for in_by, settles in SAME_DAY
]


def standard_rows(days_ahead: int) -> list[Row]:
    """A banking day's last microsecond, and the morning so many banking days later."""
    return [
        Row(at_us(day, "23:59:59") + 999_999, at_us(later, STANDARD_SETTLES), day, is_same_day=False)
        for day, later in zip(BANKING_DAYS, BANKING_DAYS[days_ahead:], strict=False)
    ]


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


FEDWIRE_ROWS = [(at_us(_day_before(day), FEDWIRE_OPENS), at_us(day, FEDWIRE_CLOSES)) for day in BANKING_DAYS]


STANDARD_ROWS = standard_rows(1)
TWO_DAY_ROWS = standard_rows(2)


def first_row(rows: list[Row], us: int) -> Row:
    """The first row that what is sent at this instant is in time for."""
    return rows[bisect_left(rows, us, key=lambda row: row.in_by_us)]


def same_day_row(us: int, amount_minor: int) -> Row:
    """The same-day row, or that of standard ACH for what is above the limit of its day."""
    row = first_row(SAME_DAY_ROWS, us)
    limit_minor = SAME_DAY_LIMIT_THEN_MINOR if row.day >= SAME_DAY_LIMIT_FROM else SAME_DAY_LIMIT_MINOR
    return row if amount_minor <= limit_minor else first_row(STANDARD_ROWS, us)


def fedwire_moves_at_us(us: int) -> int:
    """At once while Fedwire is open, else when it opens next."""
    opens_at_us, _ = FEDWIRE_ROWS[bisect_left(FEDWIRE_ROWS, us, key=lambda row: row[1])]
    return max(us, opens_at_us)
