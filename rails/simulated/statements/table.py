"""Writes the CSV table of docs/statements.md: balances, then entries, the payments of a batch behind its entry."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from rails.simulated.statements.amounts import decimal_text
from rails.simulated.statements.bookings import AccountStatement, Booking, Item, StatementFile
from rails.simulated.statements.codes import DOMAIN, codes_of

COLUMNS = (
    "row",
    "account",
    "statement_id",
    "currency",
    "date",
    "value_date",
    "direction",
    "amount",
    "reversal",
    "transaction_code",
    "end_to_end_id",
    "reference",
    "trace_number",
    "return_reason",
    "text",
    "message_id",
    "payment_information_id",
    "count",
)


class _Line:
    """A file for csv's writer that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def write_table(file: StatementFile) -> Iterator[str]:
    """Yield the table row by row; memory does not grow with it."""
    writer = csv.DictWriter(_Line(), COLUMNS, restval="", lineterminator="\n")
    yield str(writer.writeheader())
    for statement in file.statements:
        for row in _rows(statement):
            yield str(writer.writerow(row))
    yield str(writer.writerow({"row": "file", "count": str(len(file.statements))}))


def _rows(statement: AccountStatement) -> Iterator[dict[str, str]]:
    currency = statement.currency
    yield {
        "row": "opening",
        "account": statement.account,
        "statement_id": statement.statement_id,
        "currency": currency,
        "date": statement.first_day.isoformat(),
        **_amount(statement.opening_minor, currency),
    }
    yield {
        "row": "closing",
        "date": statement.last_day.isoformat(),
        **_amount(statement.closing_minor, currency),
    }
    for booking in statement.bookings:
        yield from _booking_rows(booking, currency)
    yield {"row": "end", "count": str(len(statement.bookings))}


def _booking_rows(booking: Booking, currency: str) -> Iterator[dict[str, str]]:
    codes = codes_of(booking)
    yield {
        "row": "entry",
        "date": booking.booked_on.isoformat(),
        "value_date": booking.valued_on.isoformat(),
        "reversal": "yes" if booking.is_reversal else "",
        "transaction_code": f"{DOMAIN}/{codes.family}/{codes.sub_family}",
        **_item(booking.item, currency),
    }
    if booking.payments:
        yield {
            "row": "batch",
            "message_id": booking.message_id or "",
            "count": str(len(booking.payments)),
            **_amount(booking.item.amount_minor, currency),
        }
        for item in booking.payments:
            yield {"row": "item", **_item(item, currency)}


def _item(item: Item, currency: str) -> dict[str, str]:
    return {
        **_amount(item.amount_minor, currency),
        "end_to_end_id": item.end_to_end_id or "",
        "reference": item.reference,
        "trace_number": item.trace_number or "",
        "return_reason": item.return_reason or "",
        "text": item.text,
    }


def _amount(amount_minor: int, currency: str) -> dict[str, str]:
    direction = "credit" if amount_minor >= 0 else "debit"
    return {"direction": direction, "amount": decimal_text(amount_minor, currency)}
