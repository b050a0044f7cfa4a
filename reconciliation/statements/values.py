"""What a statement says: the account with its balances, then its entries, then its end. The same for every format.

Amounts are integers of the currency's minor unit. An account's balance is positive when the bank owes it.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from msgspec import Struct


class Direction(StrEnum):
    """What an amount does to the account: a credit adds to its balance."""

    CREDIT = "credit"
    DEBIT = "debit"

    def signed(self, amount_minor: int) -> int:
        """Return what the amount adds to the balance."""
        return amount_minor if self is Direction.CREDIT else -amount_minor


class Statement(Struct, frozen=True, kw_only=True, tag="statement", tag_field="part"):
    """The head of a statement: booked balances at its beginning and its end, which its entries lead from and to.

    Account and statement id together name it: the same pair is the same statement. Days are the bank's own.
    """

    account: str
    statement_id: str
    currency: str
    opening_minor: int
    closing_minor: int
    first_day: date
    last_day: date


class BatchItem(Struct, frozen=True, kw_only=True):
    """One payment of a batch. `amount_minor` is None where it is not told in the account's currency."""

    direction: Direction
    amount_minor: int | None = None
    end_to_end_id: str | None = None
    reference: str | None = None
    trace_number: str | None = None
    return_reason: str | None = None
    text: str = ""


class Batch(Struct, frozen=True, kw_only=True):
    """Payments that were booked as one entry, as far as the statement lists them.

    `message_id` and `payment_information_id` are those of the file by which they were ordered; `items_count` and
    `net_minor` (credits less debits) are what the statement says, and agree with `items` where it lists any.
    """

    message_id: str | None = None
    payment_information_id: str | None = None
    items_count: int | None = None
    net_minor: int | None = None
    items: tuple[BatchItem, ...] = ()


class Entry(Struct, frozen=True, kw_only=True, tag="entry", tag_field="part"):
    """One booking. Identifiers are its own when it is one payment; those of a batch are in `batches`.

    `reference` is the bank's, `end_to_end_id` ours. `is_reversal`: it undoes an entry of the other direction. What is
    not booked yet (`is_booked` False: pending, or for information) is in no balance, and may have no booking date.
    """

    direction: Direction
    amount_minor: int
    booking_date: date | None
    value_date: date | None = None
    is_reversal: bool = False
    is_booked: bool = True
    transaction_code: str | None = None
    end_to_end_id: str | None = None
    reference: str | None = None
    trace_number: str | None = None
    return_reason: str | None = None
    text: str = ""
    batches: tuple[Batch, ...] = ()


class StatementEnd(Struct, frozen=True, kw_only=True, tag="end", tag_field="part"):
    """The end of a statement, whose balances follow from its entries: how many there were, and the booked sums."""

    entries_count: int
    credit_minor: int
    debit_minor: int


Part = Statement | Entry | StatementEnd


class Placed(Struct, frozen=True):
    """A part of a file and the line (from 1) from which it was read; for an end that of what it was checked against."""

    line: int
    part: Part
