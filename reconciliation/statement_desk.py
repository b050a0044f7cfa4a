"""Takes a file of statements: compares its bookings with the payments, writes down what is found, repairs, and proves.

What is written has ids that follow from the file and the payments. A desk that dies in the middle of a file does the
rest of it when the file comes again; one that has ended it gives the same answer again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import BinaryIO, NamedTuple, Protocol

import structlog
from msgspec import Struct

from kafka_log.batches import in_batches
from payments.commands import RailReport
from payments.windows import eastern
from reconciliation.book import Book
from reconciliation.bookings import bookings_of
from reconciliation.comparison import Comparison
from reconciliation.known_payment import KnownPayment
from reconciliation.proof import explain
from reconciliation.statements.reader import CHUNK_BYTES, read_statements
from reconciliation.statements.values import Entry, Statement
from schemas.reconciliation import (
    Movement,
    ReconciliationRecord,
    StatementFinding,
    StatementImport,
    StatementProof,
    Verdict,
    id_of,
    import_id_of,
)

log = structlog.get_logger(__name__)

# Written in one transaction: a few hundred milliseconds, and a megabyte.
RECORDS_AT_ONCE = 1000
# Nobody's payments are older, and a statement may be of a very long time.
FIRST_DAY = date(2000, 1, 1)
DAY = timedelta(days=1)
# What a booking is. A batch's total is none beside its payments, and what is missing is in no file.
OF_BOOKINGS = frozenset(Verdict) - {Verdict.UNMATCHED_HERE, Verdict.LISTED}


class Appender(Protocol):
    """Writes records, and the reports that go with them, together, and folds the records into the book."""

    def append(self, records: Sequence[ReconciliationRecord], reports: Sequence[RailReport] = ()) -> None: ...


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be done with a file: `tenant_id` says whose payments are compared (empty: everybody's), `is_whole`
    that the file is all of what the bank booked on its days, so that what is not in it is missing."""

    name: str
    tenant_id: str = ""
    is_whole: bool = True


class Taken(NamedTuple):
    """What was found in a file; `is_replay`: it was taken before."""

    done: StatementImport
    is_replay: bool


class _Contents(NamedTuple):
    """What the first reading of a file tells: its statements, and which accounts list batches."""

    statements: list[Statement]
    own_accounts: frozenset[str]


class StatementDesk:
    """Takes one file at a time. `own_accounts` are accounts of ours beside those that list batches."""

    def __init__(
        self,
        book: Callable[[], Book],
        appender: Appender,
        now_us: Callable[[], int],
        own_accounts: frozenset[str] = frozenset(),
    ) -> None:
        # Asked for each time: a book of another log is dropped for a new one.
        self._book_now = book
        self._appender = appender
        self._now_us = now_us
        self._own_accounts = own_accounts

    @property
    def _book(self) -> Book:
        return self._book_now()

    def take(self, file: BinaryIO, wanted: Wanted) -> Taken:
        """Compare a file to its end, or say what was found in it before. InvalidStatement: nothing was done."""
        file.seek(0)
        sha256 = _sha256(file)
        import_id = import_id_of(wanted.tenant_id, sha256, is_whole=wanted.is_whole)
        if (done := self._book.find_import(import_id)) is not None:
            return Taken(done, is_replay=True)
        contents = _contents(file)
        own_accounts = self._own_accounts | self._book.own_accounts(wanted.tenant_id) | contents.own_accounts
        bookings = self._compare(file, import_id, wanted, own_accounts)
        if wanted.is_whole:
            self._miss(contents.statements, import_id, wanted)
        unproven = self._prove(contents.statements, import_id, wanted, own_accounts)
        done = self._summary(import_id, sha256, wanted, bookings, len(contents.statements), unproven)
        self._appender.append([done])
        log.info(
            "statements_imported",
            import_id=import_id,
            bookings=bookings,
            matched=done.matched,
            repaired=done.repaired,
            unproven=unproven,
        )
        return Taken(done, is_replay=False)

    def _compare(self, file: BinaryIO, import_id: str, wanted: Wanted, own_accounts: frozenset[str]) -> int:
        """Compare booking after booking, and return how many there were.

        What comes back is compared behind all that arrives: some banks list the newest first, and what came back before
        it arrived would be for a person.
        """
        there, left = self._compare_those(file, import_id, wanted, own_accounts, is_return=False)
        back, _ = self._compare_those(file, import_id, wanted, own_accounts, is_return=True) if left else (0, 0)
        return there + back

    def _compare_those(
        self, file: BinaryIO, import_id: str, wanted: Wanted, own_accounts: frozenset[str], *, is_return: bool
    ) -> tuple[int, int]:
        """Compare what is a return, or what is none, and return how many those were, and how many were left out."""
        file.seek(0)
        count = left = 0
        for bookings in in_batches(bookings_of(read_statements(file)), RECORDS_AT_ONCE):
            those = [booking for booking in bookings if booking.is_return is is_return]
            left += len(bookings) - len(those)
            count += sum(not booking.is_total for booking in those)
            comparison = Comparison(self._book, import_id, wanted.tenant_id, own_accounts, now_us=self._now_us())
            for booking in those:
                comparison.add(booking)
            self._write(comparison.records, comparison.reports)
        return count, left

    def _miss(self, statements: Sequence[Statement], import_id: str, wanted: Wanted) -> None:
        """Find the payments whose money moved on these days by our books, and in no statement."""
        today = eastern(self._now_us()).date()
        days = {
            day
            for first, last in {(each.first_day, each.last_day) for each in statements}
            for day in _days(max(first, FIRST_DAY), min(last, today))
        }
        for day in sorted(days):
            for movement in Movement:
                missing = self._book.not_booked(day.isoformat(), movement, wanted.tenant_id)
                found = (
                    _missing(known, day, movement, import_id, wanted.tenant_id, self._now_us()) for known in missing
                )
                for batch in in_batches(found, RECORDS_AT_ONCE):
                    # What was missing before is the same finding, open or resolved.
                    self._write([each for each in batch if self._book.find(each.finding_id) is None])

    def _prove(
        self, statements: Sequence[Statement], import_id: str, wanted: Wanted, own_accounts: frozenset[str]
    ) -> int:
        """Prove every statement, and return how many do not hold."""
        unproven = 0
        for batch in in_batches(statements, RECORDS_AT_ONCE):
            proofs = [
                prove(
                    self._book,
                    statement,
                    import_id=import_id,
                    tenant_id=wanted.tenant_id,
                    is_own=statement.account in own_accounts,
                    now_us=self._now_us(),
                )
                for statement in batch
            ]
            unproven += sum(not proof.holds for proof in proofs)
            self._write(proofs)
        return unproven

    def _summary(
        self, import_id: str, sha256: bytes, wanted: Wanted, bookings: int, statements: int, unproven: int
    ) -> StatementImport:
        counts = self._book.counts(import_id)
        return StatementImport(
            import_id=import_id,
            tenant_id=wanted.tenant_id,
            file_sha256=sha256,
            name=wanted.name,
            is_whole=wanted.is_whole,
            bookings=bookings,
            known=bookings - sum(counts[verdict] for verdict in OF_BOOKINGS),
            matched=counts[Verdict.MATCHED],
            repaired=counts[Verdict.REPAIRED],
            mismatched=counts[Verdict.MISMATCHED],
            duplicates=counts[Verdict.DUPLICATE],
            unmatched_at_bank=counts[Verdict.UNMATCHED_AT_BANK],
            unmatched_here=counts[Verdict.UNMATCHED_HERE],
            statements=statements,
            unproven=unproven,
            imported_at_us=self._now_us(),
        )

    def _write(self, records: Sequence[ReconciliationRecord], reports: Sequence[RailReport] = ()) -> None:
        if records:
            self._appender.append(records, reports)


def prove(
    book: Book, statement: Statement, *, import_id: str, tenant_id: str, is_own: bool, now_us: int
) -> StatementProof:
    """Return what leads from a statement's opening to its closing balance, by the book as it is now."""
    days = (statement.first_day.isoformat(), statement.last_day.isoformat())
    of_accounts = None if is_own else book.ledger_accounts_of(statement.account, tenant_id)
    explained = explain(
        book.bookings_of(statement.account, days, tenant_id),
        book.payments_on(statement.account, days, tenant_id, of_accounts=of_accounts),
        first_day=statement.first_day,
        last_day=statement.last_day,
        is_own=is_own,
        of_accounts=of_accounts,
    )
    return StatementProof(
        import_id=import_id,
        tenant_id=tenant_id,
        account=statement.account,
        statement_id=statement.statement_id,
        currency=statement.currency,
        first_day=days[0],
        last_day=days[1],
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        ledger_minor=explained.ledger_minor,
        unmatched_at_bank_minor=explained.unmatched_at_bank_minor,
        duplicates_minor=explained.duplicates_minor,
        mismatched_minor=explained.mismatched_minor,
        ahead_minor=explained.ahead_minor,
        behind_minor=explained.behind_minor,
        proved_at_us=now_us,
    )


def _sha256(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.digest()


def _contents(file: BinaryIO) -> _Contents:
    """Read a file to its end, because what it adds up to is known there only; raises InvalidStatement."""
    file.seek(0)
    statements: list[Statement] = []
    own_accounts: set[str] = set()
    for placed in read_statements(file):
        match placed.part:
            case Statement() as statement:
                statements.append(statement)
            case Entry(batches=batches) if batches:
                own_accounts.add(statements[-1].account)
            case _:
                continue
    return _Contents(statements, frozenset(own_accounts))


def _missing(
    known: KnownPayment, day: date, movement: Movement, import_id: str, tenant_id: str, now_us: int
) -> StatementFinding:
    came_back = movement is Movement.RETURNED
    return StatementFinding(
        finding_id=id_of([tenant_id, Verdict.UNMATCHED_HERE.value, known.payment_id, movement.value]),
        import_id=import_id,
        tenant_id=tenant_id,
        verdict=Verdict.UNMATCHED_HERE,
        detail=f"it {'came back' if came_back else 'was settled'} on this day, and no statement has it",
        currency=known.currency,
        day=day.isoformat(),
        expected_minor=-known.amount_minor if came_back else known.amount_minor,
        payment_id=known.payment_id,
        movement=movement,
        history=known.history,
        found_at_us=now_us,
    )


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY
