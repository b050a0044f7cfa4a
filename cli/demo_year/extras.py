"""What is paid beside the rent: deposits when a lease begins and ends, fees, utilities, repairs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random

from cli.demo_year.data_set import DataSet
from cli.demo_year.planned import Kind, Planned
from cli.demo_year.tenancies import Account, Tenancy, chosen
from payments.rails import Rail

KINDS = {Kind.FEE: 30, Kind.UTILITIES: 45, Kind.REPAIR: 25}
DOLLARS = {Kind.FEE: (25, 150), Kind.UTILITIES: (30, 280), Kind.REPAIR: (60, 900)}
RAILS = {Rail.INSTANT: 82, Rail.SAME_DAY_ACH: 12, Rail.WIRE: 6}
MISTYPED = 0.006  # How often somebody gives an account that does not exist.


def extra(data: DataSet, number: int, first: date, last: date, let: Sequence[Tenancy]) -> Planned:
    """Return one-off payment `number`, asked for between these days by one of `let`, who rent in that time."""
    chance = Random(f"{data.seed} extra {number}")
    tenancy = chance.choice(let)
    begins, ends = _days(data, tenancy, first, last)
    moment = begins + (ends - begins) * chance.random()
    kind = Kind(chosen(chance, {str(kind): weight for kind, weight in KINDS.items()}))
    amount_minor = chance.randint(*DOLLARS[kind]) * 100 + (chance.randrange(100) if kind is Kind.UTILITIES else 0)
    if kind is Kind.FEE and moment.date() - tenancy.start < timedelta(days=31):
        kind, amount_minor = Kind.DEPOSIT, tenancy.rent_minor
    elif kind is Kind.REPAIR and tenancy.end is not None and tenancy.end - moment.date() < timedelta(days=20):
        kind, amount_minor = Kind.DEPOSIT_BACK, tenancy.rent_minor * chance.randint(60, 100) // 100
    return Planned(
        tenancy=tenancy,
        word=f"extra-{number}",
        at=moment,
        kind=kind,
        amount_minor=amount_minor,
        rail=Rail(chosen(chance, RAILS)),
        account=Account.UNKNOWN if kind is not Kind.DEPOSIT_BACK and chance.random() < MISTYPED else Account.MAIN,
    )


def _days(data: DataSet, tenancy: Tenancy, first: date, last: date) -> tuple[datetime, datetime]:
    """Return from when to when of these days the tenancy may pay: while it lasts, and inside the year."""
    begins = max(data.start, _midnight(max(first, tenancy.start)))
    ends = min(data.last, _midnight(min(last, tenancy.end or last) + timedelta(days=1)) - timedelta(microseconds=1))
    return begins, max(begins, ends)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
