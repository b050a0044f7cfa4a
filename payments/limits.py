"""The most that one payment may move on a rail, as dated settings: a rule that is announced takes effect on its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from payments.rails import Rail

DOLLAR_MINOR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """From `effective_on` (Eastern date) on, a payment on `rail` is at most `amount_minor` cents."""

    rail: Rail
    effective_on: date
    amount_minor: int


def _limit(rail: Rail, effective_on: date, dollars: int) -> Limit:
    return Limit(rail=rail, effective_on=effective_on, amount_minor=dollars * DOLLAR_MINOR)


LIMITS = (
    # Nacha Operating Rules: same-day ACH, per entry.
    _limit(Rail.SAME_DAY_ACH, date(2016, 9, 23), 25_000),
    _limit(Rail.SAME_DAY_ACH, date(2020, 3, 20), 100_000),
    _limit(Rail.SAME_DAY_ACH, date(2022, 3, 18), 1_000_000),
    _limit(Rail.SAME_DAY_ACH, date(2027, 9, 17), 10_000_000),
    # The RTP network; FedNow followed in November 2025.
    _limit(Rail.INSTANT, date(2025, 2, 9), 10_000_000),
)


def limit_minor(rail: Rail, on: date, limits: Sequence[Limit] = LIMITS) -> int | None:
    """Return the limit on a date in cents; None where no row says one."""
    rows = [row for row in limits if row.rail is rail and row.effective_on <= on]
    return max(rows, key=lambda row: row.effective_on).amount_minor if rows else None


def is_within_limit(rail: Rail, amount_minor: int, on: date, limits: Sequence[Limit] = LIMITS) -> bool:
    """Tell whether a payment of so many cents may travel on a rail on a date."""
    limit = limit_minor(rail, on, limits)
    return limit is None or amount_minor <= limit
