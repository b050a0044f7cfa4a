"""Writes BAI2 (version 2): a group for each day, an account for each statement of it. A pure function of its contents.

What BAI2 has no field for, trace number and return reason, stands in the text behind the labels that American banks
use. It cannot list the payments of an entry, and has no statement id: files are numbered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from rails.simulated.statements.bookings import AccountStatement, Booking, StatementFile
from rails.simulated.statements.codes import codes_of
from rails.simulated.statements.sums import sums_of

# What every terminal and printer shows in a line; BAI2 itself has no limit.
LINE_CHARACTERS = 80


class UnwritableStatement(ValueError):
    """A statement that BAI2 has no form for; the message says why."""


class Control:
    """What a trailer tells: the sum of amounts, the parts, the lines."""

    def __init__(self) -> None:
        self.sum_minor = 0
        self.parts = 0
        self.lines = 0

    def add(self, part: Control) -> None:
        """Count a part that has ended."""
        self.sum_minor += part.sum_minor
        self.parts += 1
        self.lines += part.lines


def write_bai2(file: StatementFile) -> Iterator[str]:
    """Yield the file line by line; raises UnwritableStatement. Memory does not grow with it."""
    _check(file.statements)
    control = Control()
    control.lines = 2  # The header and the trailer.
    created_at = file.created_at
    yield f"01,{file.sender},{file.receiver},{created_at:%y%m%d},{created_at:%H%M},{file.number},,,2/\n"
    for day, statements in groupby(file.statements, key=lambda statement: statement.last_day):
        group = Control()
        yield from _group(file, day, statements, group)
        control.add(group)
    yield f"99,{control.sum_minor},{control.parts},{control.lines}/\n"


def _check(statements: Sequence[AccountStatement]) -> None:
    if any(statement.first_day != statement.last_day for statement in statements):
        raise UnwritableStatement("an account in BAI2 has one day: write a statement for each")
    if len({(each.account, each.currency, each.last_day) for each in statements}) < len(statements):
        raise UnwritableStatement("an account in BAI2 stands once for a day and a currency")


def _group(file: StatementFile, day: date, statements: Iterator[AccountStatement], control: Control) -> Iterator[str]:
    control.lines = 2
    yield f"02,{file.receiver},{file.sender},1,{_day(day)},,,2/\n"
    for statement in statements:
        account = Control()
        yield from _account(statement, account)
        control.add(account)
    yield f"98,{control.sum_minor},{control.parts},{control.lines}/\n"


def _account(statement: AccountStatement, control: Control) -> Iterator[str]:
    sums = sums_of(statement.bookings)
    opening_minor, closing_minor = statement.opening_minor, statement.closing_minor
    yield f"03,{statement.account},{statement.currency},010,{opening_minor},,,015,{closing_minor},,/\n"
    yield f"88,100,{sums.credit_minor},{sums.credits_count},,400,{sums.debit_minor},{sums.debits_count},/\n"
    control.lines = 3  # These, and the trailer.
    control.sum_minor = opening_minor + closing_minor + sums.credit_minor + sums.debit_minor
    for booking in statement.bookings:
        lines = _entry(booking)
        control.lines += len(lines)
        control.sum_minor += abs(booking.item.amount_minor)
        yield "".join(lines)
    yield f"49,{control.sum_minor},{control.lines}/\n"


def _entry(booking: Booking) -> list[str]:
    item = booking.item
    same_day = booking.valued_on == booking.booked_on
    fields = [
        "16",
        codes_of(booking).bai2,
        str(abs(item.amount_minor)),
        "0" if same_day else f"V,{_day(booking.valued_on)},",
        item.reference,
        item.end_to_end_id or "",
    ]
    text = _text(booking)
    if not text:
        return [",".join(fields) + ",/\n"]
    lines = [",".join(fields) + ","]
    for number, word in enumerate(text.split(" ")):
        if number and len(lines[-1]) + 1 + len(word) > LINE_CHARACTERS:
            lines.append("88," + word)
        else:
            lines[-1] += f" {word}" if number else word
    return [line + "\n" for line in lines]


def _text(booking: Booking) -> str:
    item = booking.item
    parts = [item.text]
    if item.trace_number:
        parts.append(f"TRACE#:{item.trace_number}")
    if item.return_reason:
        parts.append(f"RETURN REASON:{item.return_reason}")
    return " ".join(filter(None, parts))


def _day(day: date) -> str:
    return f"{day:%y%m%d}"
