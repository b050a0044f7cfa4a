"""What the views say of the ledger: what leases owe and what accounts were paid, as the API reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from projections.connections import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDateRow:
    """A due date of a lease: the rent (cents), what is paid of it, and whether it is late now."""

    due_date: date
    due_minor: int
    paid_minor: int
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """An account of the ledger: what left it and what came into it (cents)."""

    account: str
    currency: str
    debits_minor: int
    credits_minor: int

    @property
    def balance_minor(self) -> int:
        """What the account was paid more than it paid."""
        return self.credits_minor - self.debits_minor


def due_date_row(row: Row) -> DueDateRow:
    """Return a row of list_due_dates."""
    due_date, due_minor, paid_minor, late = row
    return DueDateRow(due_date=due_date, due_minor=due_minor, paid_minor=paid_minor, late=late)


def balance_row(row: Row) -> BalanceRow:
    """Return a row of list_balances."""
    account, currency, debits_minor, credits_minor = row
    return BalanceRow(account=account, currency=currency, debits_minor=debits_minor, credits_minor=credits_minor)
