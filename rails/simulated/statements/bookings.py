"""What the bank has booked on an account in a period, as its statements tell it. Amounts are in minor units, a credit
positive.

The values refuse what one of the formats could not hold, so that whatever can be built can be written in every format;
only BAI2 asks for more: a statement of one day, which is its own refusal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from payments.currencies import CURRENCY_DECIMALS

TEXT_CHARACTERS_MAX = 140  # ISO 20022's Max140Text; references are its Max35Text.
AMOUNT_MINOR_MAX = 10**12  # As much as the bank moves at once.
# Of balances and of all that is moved in a statement: sums over a thousand still have the 18 digits of ISO 20022.
SUM_MINOR_MAX = 10**15

_REFERENCE = re.compile(r"[0-9A-Za-z][0-9A-Za-z:._+-]{0,34}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9A-Za-z]{1,34}", re.ASCII)
_TRACE_NUMBER = re.compile(r"[0-9]{15}", re.ASCII)
_RETURN_REASON = re.compile(r"[A-Z]{1,2}[0-9]{2}", re.ASCII)


class InvalidBooking(ValueError):
    """A value that no statement could hold; the message says what would be right."""


class Kind(StrEnum):
    """How the money moved."""

    ACH = "ach"
    ACH_RETURN = "ach_return"
    ACH_FILE = "ach_file"  # The payments of one file, booked at once.
    INSTANT = "instant"
    WIRE = "wire"
    CORRECTION = "correction"  # The bank's own mistake, undone.


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One payment: `reference` is the bank's, `end_to_end_id` what the customer gave it."""

    amount_minor: int
    reference: str
    end_to_end_id: str | None = None
    trace_number: str | None = None
    return_reason: str | None = None
    text: str = ""

    def __post_init__(self) -> None:
        _require(0 < abs(self.amount_minor) <= AMOUNT_MINOR_MAX, f"an amount must be 1 to {AMOUNT_MINOR_MAX}")
        _require_match(_REFERENCE, self.reference, "a reference: letters, digits and :._+-, at most 35")
        if self.end_to_end_id is not None:
            _require_match(_REFERENCE, self.end_to_end_id, "an end-to-end id: letters, digits and :._+-, at most 35")
        if self.trace_number is not None:
            _require_match(_TRACE_NUMBER, self.trace_number, "a trace number: 15 digits")
        if self.return_reason is not None:
            _require_match(_RETURN_REASON, self.return_reason, "a return reason such as R01 or AC04")
        _require_text(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One entry of an account: one payment, or the payments of a file (`payments`, ordered by `message_id`).

    `item` has the entry's amount and reference. An entry of several payments has no other identifiers of its own, and
    its payments, all of one direction, add up to it.
    """

    kind: Kind
    item: Item
    booked_on: date
    valued_on: date
    is_reversal: bool = False
    message_id: str | None = None
    payments: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        _require(
            bool(self.payments) == (self.message_id is not None), "payments have a message id, and it has payments"
        )
        if not self.payments:
            return
        assert self.message_id is not None
        _require_match(_REFERENCE, self.message_id, "a message id: letters, digits and :._+-, at most 35")
        item = self.item
        own = (item.end_to_end_id, item.trace_number, item.return_reason)
        _require(own == (None, None, None), "an entry of several payments must have no identifiers of its own")
        _require(sum(each.amount_minor for each in self.payments) == item.amount_minor, "payments must add up")
        one_direction = all((each.amount_minor > 0) == (item.amount_minor > 0) for each in self.payments)
        _require(one_direction, "payments must be of the entry's direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """An account from the beginning of `first_day` to the end of `last_day`. Account and statement id name it."""

    account: str
    statement_id: str
    currency: str
    opening_minor: int
    first_day: date
    last_day: date
    bookings: Sequence[Booking]

    def __post_init__(self) -> None:
        _require_match(_ACCOUNT, self.account, "an account: letters and digits, at most 34")
        _require_match(_REFERENCE, self.statement_id, "a statement id: letters, digits and :._+-, at most 35")
        _require(self.currency in CURRENCY_DECIMALS, "a currency must be one of ISO 4217")
        _require(self.first_day <= self.last_day, "a period must not end before it begins")
        moved_minor = sum(abs(booking.item.amount_minor) for booking in self.bookings)
        greatest_minor = max(abs(self.opening_minor), abs(self.closing_minor), moved_minor)
        _require(greatest_minor <= SUM_MINOR_MAX, f"balances and sums must be at most {SUM_MINOR_MAX}")
        booked_in = all(self.first_day <= each.booked_on <= self.last_day for each in self.bookings)
        _require(booked_in, "bookings must be of the statement's period")

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + sum(booking.item.amount_minor for booking in self.bookings)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFile:
    """Statements that go out together. `number` counts the sender's files of a day, from 1."""

    sender: str
    receiver: str
    created_at: datetime
    number: int
    statements: Sequence[AccountStatement]

    def __post_init__(self) -> None:
        for party in (self.sender, self.receiver):
            _require_match(_ACCOUNT, party, "a party: letters and digits, at most 34")
        _require(self.number > 0, "files are numbered from 1")
        _require(self.created_at.tzinfo is not None, "a time must have a time zone")
        names = {(each.account, each.statement_id) for each in self.statements}
        _require(0 < len(names) == len(self.statements), "statements must differ, and there must be one")


def _require(is_right: bool, message: str) -> None:
    if not is_right:
        raise InvalidBooking(message)


def _require_match(pattern: re.Pattern[str], text: str, what: str) -> None:
    _require(pattern.fullmatch(text) is not None, f"must be {what}")


def _require_text(text: str) -> None:
    _require(len(text) <= TEXT_CHARACTERS_MAX, f"a text must have at most {TEXT_CHARACTERS_MAX} characters")
    # BAI2 breaks a text at a blank, and may end one with a slash that is not part of it.
    words = text.split(" ") if text else []
    is_plain = text.isprintable() and all(word and not word.endswith("/") for word in words)
    _require(is_plain, "a text must be printable words, single blanks between them, none with a slash at its end")
