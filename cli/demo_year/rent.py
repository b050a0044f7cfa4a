"""What a renter does about one month's rent: pays in time, late, in parts, not at all, or has to pay again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from cli.demo_year.data_set import DataSet
from cli.demo_year.planned import Kind, Planned
from cli.demo_year.tenancies import Account, Habit, Tenancy
from payments.rails import Rail
from payments.schedule import due_dates

# The farthest that a payment is from the day on which its rent is due.
EARLIEST_DAYS, LATEST_DAYS = 5, 30
MISHAP = 0.3  # How often a renter with a second account pays from that one first.


def rents(data: DataSet, tenancy: Tenancy, first: date, last: date) -> Iterator[Planned]:
    """Yield the payments for the rents that are due from `first` to `last`, those of one due date after the other's.

    What the same tenancy pays for the same month is the same, whichever days it is asked for by.
    """
    for due in due_dates(due_day=tenancy.due_day, start=max(first, tenancy.start), end=tenancy.end):
        if due > last:
            return
        month = (due.year - data.start.year) * 12 + due.month - data.start.month
        chance = Random(f"{data.seed} rent {tenancy.number} {month}")
        for number, planned in enumerate(_payments(tenancy, due, chance)):
            if data.start <= planned.at <= data.last:
                yield replace(planned, word=f"rent-{tenancy.number}-{month}-{number}")


def _payments(tenancy: Tenancy, due: date, chance: Random) -> list[Planned]:
    if tenancy.second_account is not None and chance.random() < MISHAP:
        return _again_after_a_mishap(tenancy, due, tenancy.second_account, chance)
    match tenancy.habit:
        case Habit.AUTOPAY:
            return _scheduled(tenancy, due, chance)
        case Habit.PUNCTUAL:
            days = chance.choices([-3, -2, -1, 0, 2], [10, 15, 30, 42, 3])[0]
            return [_rent(tenancy, due, days, chance)]
        case Habit.LATE:
            return [_rent(tenancy, due, chance.choices([0, 2, 4, 7, 12], [25, 30, 20, 15, 10])[0], chance)]
        case Habit.STRUGGLING:
            return _with_trouble(tenancy, due, chance)


def _scheduled(tenancy: Tenancy, due: date, chance: Random) -> list[Planned]:
    """Ordered some days ahead; now and then called off, and mostly paid by hand then."""
    at = _moment(due - timedelta(days=chance.randint(2, EARLIEST_DAYS)), chance)
    order = _rent_at(tenancy, due, at, effective_date=due)
    if chance.random() >= 0.06:
        return [order]
    called_off = replace(order, cancel_at=at + timedelta(minutes=chance.randint(10, 1400)))
    by_hand = _rent(tenancy, due, chance.randint(0, 4), chance)
    return [called_off, by_hand] if chance.random() < 0.8 else [called_off]


def _with_trouble(tenancy: Tenancy, due: date, chance: Random) -> list[Planned]:
    whole = _rent(tenancy, due, chance.randint(0, 15), chance)
    if (luck := chance.random()) < 0.15:
        return []
    if luck < 0.55:
        # In whole dollars, so that the parts look like what people send.
        part_minor = tenancy.rent_minor * chance.randint(40, 70) // 100 // 100 * 100
        rest = _rent(tenancy, due, chance.randint(17, 25), chance)
        parts = [replace(whole, amount_minor=part_minor)]
        # Some never pay the rest.
        return [*parts, replace(rest, amount_minor=tenancy.rent_minor - part_minor)] if luck < 0.45 else parts
    return [whole]


def _again_after_a_mishap(tenancy: Tenancy, due: date, account: Account, chance: Random) -> list[Planned]:
    """Paid from an account where that fails (or comes back), and again from the right one, once that was noticed."""
    failing = replace(_rent(tenancy, due, chance.randint(-2, 3), chance), account=account)
    # The gateway's own refusal is seen at once, a bank's after days.
    days = chance.randint(0, 1) if account is Account.CLOSED else chance.randint(2, 6)
    again = failing.at + timedelta(days=days, minutes=chance.randint(20, 300))
    return [failing] if chance.random() < 0.1 else [failing, replace(failing, at=again, account=Account.MAIN)]


def _rent(tenancy: Tenancy, due: date, days: int, chance: Random) -> Planned:
    """Return the rent, paid by hand so many days after its due date."""
    rail = tenancy.rail
    # Who is late hurries.
    if days > 2 and chance.random() < 0.5:
        rail = chance.choice([Rail.INSTANT, Rail.SAME_DAY_ACH])
    return replace(_rent_at(tenancy, due, _moment(due + timedelta(days=days), chance)), rail=rail)


def _rent_at(tenancy: Tenancy, due: date, at: datetime, effective_date: date | None = None) -> Planned:
    return Planned(
        tenancy=tenancy,
        word="",
        at=at,
        kind=Kind.RENT,
        amount_minor=tenancy.rent_minor,
        rail=tenancy.rail,
        due_date=due,
        effective_date=effective_date,
    )


def _moment(day: date, chance: Random) -> datetime:
    """Return a moment at which people pay: by day, mostly in the morning and the evening (UTC)."""
    hour = chance.choices(range(12, 24), [4, 8, 10, 9, 7, 7, 7, 8, 9, 12, 13, 6])[0]
    seconds = chance.randrange(3600)
    return datetime(day.year, day.month, day.day, hour, seconds // 60, seconds % 60, chance.randrange(10**6), UTC)
