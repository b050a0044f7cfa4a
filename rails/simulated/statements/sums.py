"""What a statement's bookings add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rails.simulated.statements.bookings import Booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """How many credits and debits there are, and their sums without a sign."""

    credits_count: int
    credit_minor: int
    debits_count: int
    debit_minor: int


def sums_of(bookings: Iterable[Booking]) -> Sums:
    """Return the sums of bookings."""
    credits_count = credit_minor = debits_count = debit_minor = 0
    for booking in bookings:
        amount_minor = booking.item.amount_minor
        if amount_minor > 0:
            credits_count += 1
            credit_minor += amount_minor
        else:
            debits_count += 1
            debit_minor -= amount_minor
    return Sums(
        credits_count=credits_count, credit_minor=credit_minor, debits_count=debits_count, debit_minor=debit_minor
    )
