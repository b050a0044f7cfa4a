"""A planned payment: what is asked for, when, and what has to become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from cli.demo_year.data_set import DataSet
from cli.demo_year.tenancies import Account, Tenancy
from payments.payment import Status
from payments.rails import Rail
from rails.claims import ACCOUNT_NOT_FOUND, ACCOUNT_REVOKED


class Kind(StrEnum):
    """What is paid for."""

    RENT = "rent"
    DEPOSIT = "deposit"
    DEPOSIT_BACK = "deposit_back"
    FEE = "fee"
    UTILITIES = "utilities"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a payment ends: its status and failure code. None: it is still in flight when the year ends."""

    status: Status
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A payment of a tenancy, asked for at `at`; `word` is its own part of the idempotency key.

    `effective_date` schedules it, `cancel_at` is when it is cancelled (before that date). Amounts are cents.
    """

    tenancy: Tenancy
    word: str
    at: datetime
    kind: Kind
    amount_minor: int
    rail: Rail
    account: Account = Account.MAIN
    due_date: date | None = None
    effective_date: date | None = None
    cancel_at: datetime | None = None

    def __post_init__(self) -> None:
        assert self.cancel_at is None or (self.effective_date is not None and self.cancel_at < midnight_of(self))

    def fate(self, data: DataSet) -> Fate | None:
        """Return what has to become of it, or None when that is beyond the year's end."""
        if self.cancel_at is not None and self.cancel_at <= data.last:
            return Fate(status=Status.CANCELLED)
        if self.effective_date is not None and midnight_of(self) > data.last:
            return None
        match self.account:
            case Account.MAIN:
                return Fate(status=Status.COMPLETED)
            case Account.REFUSED:
                return Fate(status=Status.FAILED, code=self.tenancy.second_code)
            case Account.RETURNED:
                return Fate(status=Status.RETURNED, code=self.tenancy.second_code)
            case Account.CLOSED:
                return Fate(status=Status.FAILED, code=ACCOUNT_REVOKED)
            case Account.UNKNOWN:
                return Fate(status=Status.FAILED, code=ACCOUNT_NOT_FOUND)


def midnight_of(planned: Planned) -> datetime:
    """Return the beginning of the day for which a payment is scheduled."""
    assert planned.effective_date is not None
    return datetime(planned.effective_date.year, planned.effective_date.month, planned.effective_date.day, tzinfo=UTC)
