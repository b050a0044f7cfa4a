"""Who rents what from whom, since when, for how much, and how they pay: homes one after the other, from the seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import count
from random import Random

from cli.demo_year.data_set import DataSet
from payments.rails import Rail

RENT_MINOR_MIN, RENT_MINOR_MAX = 65_000, 650_000
DAYS_BEFORE_MAX = 900
VACANT_DAYS_MIN, VACANT_DAYS_MAX = 5, 45
# A tenancy that begins later than this before the end would hardly pay any rent.
LAST_START = timedelta(days=40)
LANDLORD_CHANGES = 0.25  # So that a landlord has four homes on average.


class Habit(StrEnum):
    """How a renter pays."""

    AUTOPAY = "autopay"  # Scheduled some days before, for the due day.
    PUNCTUAL = "punctual"
    LATE = "late"
    STRUGGLING = "struggling"  # Late, in parts, or not at all.


class Account(StrEnum):
    """The accounts that a payment may be paid from; all but the first are where something goes wrong."""

    MAIN = "main"
    REFUSED = "refused"  # The bank refuses: 100NN at the simulated bank.
    RETURNED = "returned"  # The bank takes the money back: 200NN.
    CLOSED = "closed"  # No longer in use: the gateway refuses.
    UNKNOWN = "unknown"  # Does not exist: the gateway refuses.


HABITS = {Habit.AUTOPAY: 30, Habit.PUNCTUAL: 45, Habit.LATE: 17, Habit.STRUGGLING: 8}
DUE_DAYS = {1: 62, 5: 10, 10: 4, 15: 12, 20: 4, 28: 3, 30: 2, 31: 3}
RAILS = {Rail.STANDARD_ACH: 54, Rail.SAME_DAY_ACH: 22, Rail.INSTANT: 19, Rail.WIRE: 5}
RAILS_OF_HIGH_RENT = {Rail.STANDARD_ACH: 40, Rail.SAME_DAY_ACH: 15, Rail.INSTANT: 10, Rail.WIRE: 35}
HIGH_RENT_MINOR = 350_000
REFUSAL_CODES = {"R01": 55, "R02": 10, "R03": 8, "R04": 7, "R09": 12, "R16": 4, "R20": 4}
RETURN_CODES = {"R01": 45, "R07": 15, "R08": 15, "R10": 20, "R29": 5}
# By the tenancy's number: a small data set has one of each too.
SECOND_ACCOUNTS = {1: Account.REFUSED, 3: Account.RETURNED, 5: Account.CLOSED, 9: Account.REFUSED}
SECOND_ACCOUNTS_EVERY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """One lease: `number` counts them all from 0, `home` and `landlord` are shared with others. Rent is in cents."""

    number: int
    home: int
    landlord: int
    start: date
    end: date | None
    due_day: int
    rent_minor: int
    habit: Habit
    rail: Rail
    second_account: Account | None
    second_code: str | None

    def is_let(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


def tenancies(data: DataSet) -> Iterator[Tenancy]:
    """Yield tenancies without end: those of one home together, each beginning after the one before has ended."""
    landlord, number = 0, 0
    for home in count():
        chance = Random(f"{data.seed} home {home}")
        if home and chance.random() < LANDLORD_CHANGES:
            landlord += 1
        rent_minor = _rent_minor(chance)
        start: date | None = _first_start(data, home, chance)
        while start is not None:
            end = None if home == 0 else _end(data, start, chance)
            yield _tenancy(number, home, landlord, start, end, rent_minor, chance)
            number += 1
            rent_minor = min(RENT_MINOR_MAX, rent_minor + 500 * chance.randrange(0, 30))
            start = _next_start(data, end, chance)


def chosen(chance: Random, weights: dict[str, int] | dict[Rail, int]) -> str:
    """Return one of the keys, as often as its weight says."""
    return str(chance.choices(list(weights), list(weights.values()))[0])


def _tenancy(
    number: int, home: int, landlord: int, start: date, end: date | None, rent_minor: int, chance: Random
) -> Tenancy:
    second = SECOND_ACCOUNTS.get(number % SECOND_ACCOUNTS_EVERY)
    codes = {Account.REFUSED: REFUSAL_CODES, Account.RETURNED: RETURN_CODES}.get(second or Account.MAIN)
    rails = RAILS_OF_HIGH_RENT if rent_minor >= HIGH_RENT_MINOR else RAILS
    return Tenancy(
        number=number,
        home=home,
        landlord=landlord,
        start=start,
        end=end,
        due_day=chance.choices(list(DUE_DAYS), list(DUE_DAYS.values()))[0],
        rent_minor=rent_minor,
        habit=chance.choices(list(HABITS), list(HABITS.values()))[0],
        rail=Rail(chosen(chance, rails)),
        second_account=second,
        second_code=chosen(chance, codes) if codes is not None else None,
    )


def _rent_minor(chance: Random) -> int:
    dollars = round(chance.lognormvariate(math.log(1650), 0.35) / 5) * 5
    return min(RENT_MINOR_MAX, max(RENT_MINOR_MIN, dollars * 100))


def _first_start(data: DataSet, home: int, chance: Random) -> date:
    first_day = data.start.date()
    # The first home is let all the time, so that no month is without a lease.
    if home == 0 or chance.random() < 0.85:
        return first_day - timedelta(days=chance.randrange(30, DAYS_BEFORE_MAX))
    days = (data.until.date() - LAST_START - first_day).days
    return first_day + timedelta(days=chance.randrange(0, max(1, days)))


def _end(data: DataSet, start: date, chance: Random) -> date | None:
    """Return the end of a lease of full years that is not over before the data set begins; or None, a third of them."""
    if chance.random() < 0.35:
        return None
    end = start + timedelta(days=364)
    while end < data.start.date() + timedelta(days=30) or chance.random() < 0.3:
        end += timedelta(days=365)
    return end


def _next_start(data: DataSet, end: date | None, chance: Random) -> date | None:
    if end is None:
        return None
    start = end + timedelta(days=chance.randint(VACANT_DAYS_MIN, VACANT_DAYS_MAX))
    return start if start <= data.until.date() - LAST_START else None
