"""Files as a company sends them to the simulated bank, and the bank's books around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from rails.nacha.addenda import NotificationOfChange
from rails.nacha.codes import TransactionCode
from rails.nacha.contents import Batch, NachaFile
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.reader import read_file
from rails.nacha.return_addenda import Return
from rails.nacha.writer import build_file
from rails.simulated.ach.deposit import read_deposit
from rails.simulated.ach.file_books import FileBooks
from rails.simulated.ach.file_rows import Taken
from rails.simulated.books import Books
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.nacha.contents import HEADER, batch_header, entry
from tests.unit.rails.nacha.independent_checker import check

MONDAY = at_us("2026-11-30 09:10")  # When the files are taken, and when they are settled by standard ACH.
TUESDAY = date(2026, 12, 1)
TUESDAY_MORNING = at_us("2026-12-01 08:30")
CREDIT = TransactionCode.CHECKING_CREDIT


def sent(
    *entries: EntryDetail,
    file_id: str = "A",
    effective_on: date = TUESDAY,
    created_on: date = HEADER.file_creation_date,
) -> bytes:
    """A file with one batch, which shall settle on a date."""
    header = replace(HEADER, file_id_modifier=file_id, file_creation_date=created_on)
    batch = Batch(header=batch_header(effective_entry_date=effective_on), entries=entries)
    return build_file(NachaFile(header=header, batches=(batch,)))


def debits_of(*account_numbers: str) -> list[EntryDetail]:
    """A debit of 1500.00 of each account."""
    return [entry(n, account_number=number) for n, number in enumerate(account_numbers, 1)]


class Bank:
    """The books in a folder, by a clock in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "books.sqlite"
        self.reopen()

    def reopen(self) -> None:
        self.books = Books(self.path, speed=1)
        self.files = FileBooks(self.books)

    def take(self, data: bytes, name: str = "payments.ach", at: int = MONDAY) -> Taken:
        return self.files.take(name, read_deposit(data), received_at_us=at)

    def work(self, until_us: int) -> None:
        """Do what is due by then, and write the files of it, each dated when it was due."""
        while self.files.post_due(now_us=until_us):
            pass
        while self.files.write_answers(dated_us=lambda due_us: due_us):
            pass

    def balances(self) -> dict[str, int]:
        """Balances by the last four digits, the company's by those of its identification."""
        return {each["last4"]: each["balance_minor"] for each in self.books.accounts(0, 1000)}

    def written(self) -> list[NachaFile]:
        """What the bank wrote, oldest first, each judged by a checker that shares no code with the writer."""
        found = []
        for row in reversed(self.files.report(before=2**62, limit=1000)["files"]):
            if row["direction"] == "out":
                data = self.files.file(row["name"])
                assert data is not None
                assert check(data) == []
                found.append(read_file(BytesIO(data)))
        return found

    def answers(self) -> list[EntryDetail]:
        return entries_of(self.written())

    def state(self) -> tuple[Any, ...]:
        """All that is told of the books."""
        return (self.books.totals(), self.files.report(before=2**62, limit=1000), self.balances())

    def is_balanced(self) -> bool:
        totals = self.books.totals()
        kept = all(each["balance_minor"] == each["entries_minor"] for each in self.books.accounts(0, 1000))
        return kept and totals["entries_minor"] == totals["balances_minor"] == 0


def entries_of(files: Sequence[NachaFile]) -> list[EntryDetail]:
    return [entry for file in files for batch in file.batches for entry in batch.entries]


def named(answer: EntryDetail) -> tuple[str, str]:
    """The entry that an answer is about, and its code."""
    addenda = answer.addenda
    if isinstance(addenda, NotificationOfChange):
        return addenda.original_trace_number, addenda.change_code
    assert isinstance(addenda, Return)
    return addenda.original_trace_number, addenda.return_reason_code
