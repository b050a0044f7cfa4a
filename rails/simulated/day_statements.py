"""What the bank has booked on a day (Eastern), account by account, as values for its statements.

Read through a connection of its own, in one snapshot: a day with many bookings does not keep the thread of the books
from its work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path

import msgspec

from kafka_log.sql_files import read_statements
from kafka_log.state_file import connect_to_read
from payments.calendar import DAY
from payments.rails import ACH_RAILS, Rail
from payments.windows import instant_us
from rails.bank import InvalidReference, Reference
from rails.nacha.addenda import PaymentInformation
from rails.nacha.entry_detail import EntryDetail
from rails.simulated.books import bank_reference
from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile

CURRENCY = "USD"  # The books keep one balance an account.
RECEIVER = "DIRECTPAY"
# In a file: a day of 100,000 payments, each on two accounts, and some that came back.
LINES_MAX = 250_000
STATEMENTS_MAX = 100_000  # Reconciliation reads no more in a file.

_SQL = read_statements(Path(__file__).parent / "sql" / "day_statements.sql")
_entry = msgspec.json.Decoder(EntryDetail)
_KINDS = {Rail.INSTANT: Kind.INSTANT, Rail.WIRE: Kind.WIRE, **dict.fromkeys(ACH_RAILS, Kind.ACH)}


class NothingBooked(Exception):
    """Nothing was booked on the day: there is no statement of it."""

    def __init__(self, day: date) -> None:
        super().__init__(f"nothing was booked on {day}")


class TooMuchBooked(Exception):
    """More was booked than a file of statements holds."""

    def __init__(self, lines: int, accounts: int) -> None:
        super().__init__(
            f"{lines} lines on {accounts} accounts were booked; a file has at most {LINES_MAX} on {STATEMENTS_MAX}: "
            "ask for one account"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A booking, with its account and its time."""

    account_id: int
    at_us: int
    booking: Booking


class DayStatements:
    """The statements of the books in `path`, which have the id `books_id`."""

    def __init__(self, path: Path, books_id: str) -> None:
        self._path = path
        # Other books number their accounts anew: what they say must not be taken for statements of these.
        self._sender = f"SIM{books_id[:8]}"

    def of(self, day: date, *, created_at: datetime, account_id: int | None = None) -> StatementFile:
        """Return a statement for each account on which something was booked on a day, or for one of them.

        It has what is booked by now, and the number of its lines in its id: a day that is not over, asked for again
        when more is booked, has another statement. Raises NothingBooked, TooMuchBooked or InvalidBooking.
        """
        wanted = {
            "from_us": instant_us(day, time(0, 0)),
            "until_us": instant_us(day + DAY, time(0, 0)),
            "account_id": account_id,
        }
        with closing(connect_to_read(self._path)) as connection:
            connection.execute("BEGIN")
            accounts = connection.execute(_SQL["accounts_of_a_day"], wanted).fetchall()
            lines = sum(account["lines"] for account in accounts)
            if not accounts:
                raise NothingBooked(day)
            if lines > LINES_MAX or len(accounts) > STATEMENTS_MAX:
                raise TooMuchBooked(lines, len(accounts))
            booked = _by_account(
                [
                    *_of_transfers(connection.execute(_SQL["transfers_of_a_day"], wanted), day),
                    *_of_entries(connection.execute(_SQL["entries_of_a_day"], wanted).fetchall(), day),
                    *_of_disputes(connection.execute(_SQL["disputes_of_a_day"], wanted), day),
                ]
            )
        statements = [self._statement(account, day, booked[account["account_id"]]) for account in accounts]
        # Files of a day are numbered: by their lines, for what has more of them is a later one.
        return StatementFile(
            sender=self._sender, receiver=RECEIVER, created_at=created_at, number=lines, statements=statements
        )

    def _statement(self, account: sqlite3.Row, day: date, bookings: Sequence[Booking]) -> AccountStatement:
        return AccountStatement(
            account=account_name(account["account_id"]),
            statement_id=f"{self._sender}-{day:%Y%m%d}-{account['lines']}",
            currency=CURRENCY,
            opening_minor=account["opening_minor"],
            first_day=day,
            last_day=day,
            bookings=bookings,
        )


def account_name(account_id: int) -> str:
    """Return an account as statements name it: the bank holds no account number in clear."""
    return f"SIM{account_id:012d}"


def _by_account(booked: list[Booked]) -> dict[int, list[Booking]]:
    """Return each account's bookings in the order of their time."""
    booked.sort(key=lambda each: (each.account_id, each.at_us))
    return {
        account_id: [each.booking for each in some]
        for account_id, some in groupby(booked, key=lambda each: each.account_id)
    }


def _of_transfers(rows: Iterable[sqlite3.Row], day: date) -> Iterator[Booked]:
    for row in rows:
        rail, comes_back = Rail(row["rail"]), row["booking"] == "returned"
        is_ach_return = comes_back and rail in ACH_RAILS
        item = Item(
            amount_minor=row["amount_minor"],
            # What is booked twice has two numbers of the bank's.
            reference=bank_reference(row["transfer_id"]) + ("-2" if row["is_second"] else ""),
            end_to_end_id=row["reference"],
            return_reason=row["code"] if comes_back else None,
        )
        kind = Kind.ACH_RETURN if is_ach_return else _KINDS[rail]
        yield _booked(row, day, kind, item, is_reversal=comes_back and not is_ach_return)


def _of_entries(rows: Sequence[sqlite3.Row], day: date) -> Iterator[Booked]:
    """Yield bookings of ACH entries: a company's are booked as its batches, what comes back one by one."""
    for row in rows:
        if row["booking"] == "returned":
            yield _booked(row, day, Kind.ACH_RETURN, _entry_item(row, return_reason=row["code"]))
        elif not row["is_company"]:
            yield _booked(row, day, Kind.ACH, _entry_item(row))
    of_companies = [row for row in rows if row["is_company"] and row["booking"] == "posted"]
    of_companies.sort(key=_batch)
    for _, some in groupby(of_companies, key=_batch):
        yield _of_batch(list(some), day)


def _of_disputes(rows: Iterable[sqlite3.Row], day: date) -> Iterator[Booked]:
    """Yield bookings of dishonored returns; only one that is contested gives a reason for which money comes back."""
    for row in rows:
        reason = row["contest_code"] if row["booking"] == "contested" else None
        yield _booked(row, day, Kind.ACH_RETURN, _entry_item(row, return_reason=reason))


def _batch(row: sqlite3.Row) -> tuple[int, int, int, bool]:
    """Return what is booked at once: a batch's debits or credits that settle at one time."""
    return (row["file_number"], row["batch_number"], row["booked_at_us"], row["amount_minor"] > 0)


def _of_batch(rows: Sequence[sqlite3.Row], day: date) -> Booked:
    first, payments = rows[0], tuple(_entry_item(row) for row in rows)
    total = Item(
        amount_minor=sum(each.amount_minor for each in payments),
        reference=f"ACHF{first['file_number']:08d}-{first['batch_number']}",
    )
    # As the sender of the file knows it: by its day and its id of that day.
    message_id = f"{first['created_on'].replace('-', '')}-{first['file_id']}-{first['batch_number']}"
    return _booked(first, day, Kind.ACH_FILE, total, message_id=message_id, payments=payments)


def _booked(
    row: sqlite3.Row,
    day: date,
    kind: Kind,
    item: Item,
    *,
    is_reversal: bool = False,
    message_id: str | None = None,
    payments: tuple[Item, ...] = (),
) -> Booked:
    booking = Booking(
        kind=kind,
        item=item,
        booked_on=day,
        valued_on=day,
        is_reversal=is_reversal,
        message_id=message_id,
        payments=payments,
    )
    return Booked(account_id=row["account_id"], at_us=row["booked_at_us"], booking=booking)


def _entry_item(row: sqlite3.Row, *, return_reason: str | None = None) -> Item:
    return Item(
        amount_minor=row["amount_minor"],
        reference=f"ACH{row['entry_id']:012d}",
        end_to_end_id=_end_to_end_id(row["record"]),
        trace_number=row["trace_number"],
        return_reason=return_reason,
    )


def _end_to_end_id(record: bytes) -> str | None:
    """Return the payment's reference, which our originator's entries carry; others' may carry anything."""
    addenda = _entry.decode(record).addenda
    if isinstance(addenda, PaymentInformation):
        with suppress(InvalidReference):
            return str(Reference.parse(addenda.payment_related_information))
    return None
