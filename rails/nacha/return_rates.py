"""How many of the debits that are sent come back, held against the levels above which Nacha asks why.

Nacha Operating Rules, article two, levels since 18 September 2015: debits that came back, divided by debits that were
originated, both in the preceding 60 days. The rules allow the two calendar months before instead; 60 days tell earlier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from rails.nacha.return_codes import ADMINISTRATIVE, RETURN_REASONS, UNAUTHORIZED

DAYS = 60
BASIS_POINTS = 10_000  # Of the whole.


class Kind(StrEnum):
    """What is wrong with the debits that come back."""

    UNAUTHORIZED = "unauthorized"
    ADMINISTRATIVE = "administrative"
    OVERALL = "overall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Of all debits at most so many `basis_points` (hundredths of a percent) may come back for one of the `codes`."""

    kind: Kind
    codes: frozenset[str]
    basis_points: int


LEVELS = (
    # R11 counts among them since 1 April 2020. R51 is of check entries, which nothing here writes.
    Level(kind=Kind.UNAUTHORIZED, codes=UNAUTHORIZED | {"R29"}, basis_points=50),
    Level(kind=Kind.ADMINISTRATIVE, codes=ADMINISTRATIVE, basis_points=300),
    Level(kind=Kind.OVERALL, codes=frozenset(RETURN_REASONS), basis_points=1500),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRate:
    """Of `originated` debits, `returned` came back for a reason of the level's."""

    level: Level
    returned: int
    originated: int

    @property
    def is_exceeded(self) -> bool:
        """Exactly the level is still within it."""
        return self.returned * BASIS_POINTS > self.originated * self.level.basis_points

    @property
    def share(self) -> float:
        """Between 0 and 1, for people to see; more when what came back was originated before."""
        if not self.originated:
            return math.inf if self.returned else 0.0
        return self.returned / self.originated


def first_day(on: date) -> date:
    """Return the first of the days that count on a date, which is the last of them."""
    return on - timedelta(days=DAYS - 1)


def return_rates(
    originated: Mapping[date, int], returned: Mapping[tuple[date, str], int], on: date
) -> tuple[ReturnRate, ...]:
    """Return the rate of each level on a date, from debits originated by day, and returned by day and code."""
    first = first_day(on)
    total = sum(entries for day, entries in originated.items() if first <= day <= on)
    return tuple(
        ReturnRate(
            level=level,
            returned=sum(
                entries for (day, code), entries in returned.items() if first <= day <= on and code in level.codes
            ),
            originated=total,
        )
        for level in LEVELS
    )
