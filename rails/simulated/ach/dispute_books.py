"""Dishonored returns in the simulated bank's books: taken, posted, and contested where the bank insists.

Every method is called inside of a transaction of the books.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from kafka_log.sql_files import read_statements
from payments.windows import BankHours, Leg, eastern
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS
from rails.nacha.contents import SEQUENCE_MAX
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import Rule
from rails.nacha.return_addenda import DishonoredReturn
from rails.simulated.ach.answer_file import AnswerKind, Contest, WaitingAnswer
from rails.simulated.ach.deposit import BrokenFile, DepositedBatch
from rails.simulated.ach.due_dates import contest_of, settles_at_us
from rails.simulated.books import Books
from rails.simulated.scenarios import Scenario, Script

# Answers of both kinds have trace numbers: those of contests are the upper half.
FIRST_CONTEST = SEQUENCE_MAX // 2

_SQL = read_statements(Path(__file__).parent.parent / "sql" / "dispute_statements.sql")
_entry = msgspec.json.Decoder(EntryDetail)
_batch_header = msgspec.json.Decoder(BatchHeader)


class DisputeBooks:
    """The disputes in `books`; `hours` are the windows by which dishonored returns settle."""

    def __init__(self, books: Books, hours: BankHours) -> None:
        self._books = books
        self._hours = hours
        self._connection = books.connection

    def keep(self, file_number: int, batch: DepositedBatch, received_at_us: int) -> None:
        """Take a batch of dishonored returns, or raise BrokenFile: one of them names no return that stands."""
        for line, entry in batch.entries:
            returned = self._returned_entry(entry)
            if returned is None:
                detail = "must name an entry that this bank has returned, with its amount and its code, and once"
                layout = DishonoredReturn.LAYOUT
                raise BrokenFile([layout.fault(line + 1, "original_entry_trace_number", Rule.CODE, detail)])
            self._connection.execute(
                _SQL["keep_dispute"],
                self._row(file_number, batch.header, entry, returned, received_at_us),
            )

    def post_due(self, now_us: int, most: int) -> int:
        """Post what is due by now, at most so many steps, and return how many."""
        due = self._connection.execute(_SQL["disputes_due"], (now_us, most)).fetchall()
        balances: Counter[int] = Counter()
        for row in due:
            is_first = row["state"] == "received"
            booking, at_us = ("dishonored", row["settles_at_us"]) if is_first else ("contested", row["contests_at_us"])
            # Dishonored, it is as if the entry had not come back; contested, as if it had.
            takes = bool(row["is_debit"]) is is_first
            received_minor = -row["amount_minor"] if takes else row["amount_minor"]
            for line, account_id, minor in (
                (1, row["account_id"], received_minor),
                (2, row["company_account"], -received_minor),
            ):
                balances[account_id] += minor
                posted = {"dispute_id": row["dispute_id"], "booking": booking, "line": line, "account_id": account_id}
                self._connection.execute(_SQL["post_dispute"], {**posted, "amount_minor": minor, "booked_at_us": at_us})
            next_at_us = row["contests_at_us"] if is_first else None
            moved = {"dispute_id": row["dispute_id"], "state": booking, "next_at_us": next_at_us}
            self._connection.execute(_SQL["move_dispute"], moved)
        self._books.change_balances(balances)
        return len(due)

    def first_contest(self) -> sqlite3.Row | None:
        """Return the contest that has waited longest for a file: since when, and for whose; or None."""
        row: sqlite3.Row | None = self._connection.execute(_SQL["first_contest"]).fetchone()
        return row

    def contests_waiting(self, first: sqlite3.Row, most: int) -> list[WaitingAnswer]:
        """Return what goes into one file with the first."""
        wanted = {each: first[each] for each in ("due_at_us", "destination", "origin")}
        return [_contest(row) for row in self._connection.execute(_SQL["contests_waiting"], {**wanted, "most": most})]

    def filed(self, file_number: int, contests: Sequence[WaitingAnswer]) -> None:
        """Remember in which file contests stand."""
        rows = [{"file_number": file_number, "dispute_id": each.answer_id - FIRST_CONTEST} for each in contests]
        self._connection.executemany(_SQL["file_contest"], rows)

    def _returned_entry(self, entry: EntryDetail) -> sqlite3.Row | None:
        addenda = entry.addenda
        assert isinstance(addenda, DishonoredReturn), "a batch holds dishonored returns only, or none"
        wanted = {
            "trace_number": addenda.original_trace_number,
            "code": addenda.return_reason_code,
            "amount_minor": entry.amount_minor,
        }
        row: sqlite3.Row | None = self._connection.execute(_SQL["returned_entry"], wanted).fetchone()
        return row

    def _row(
        self, file_number: int, header: BatchHeader, entry: EntryDetail, returned: sqlite3.Row, received_at_us: int
    ) -> dict[str, Any]:
        settles_us = settles_at_us(
            self._hours,
            leg=Leg.DEBIT if entry.transaction_code in DEBITS else Leg.CREDIT,
            amount_minor=entry.amount_minor,
            effective_on=header.effective_entry_date,
            received_at_us=received_at_us,
        )
        script = Script(scenario=Scenario(returned["scenario"]), code=returned["code"])
        returned_on = eastern(returned["answers_at_us"]).date()
        contest = contest_of(self._hours, script, returned_on=returned_on, dishonored_at_us=settles_us)
        code, contests_us = contest or (None, None)
        return {
            "entry_id": returned["entry_id"],
            "file_number": file_number,
            "batch_number": header.batch_number,
            "record": msgspec.json.encode(entry),
            "settles_at_us": settles_us,
            "contest_code": code,
            "contests_at_us": contests_us,
        }


def _contest(row: sqlite3.Row) -> WaitingAnswer:
    return WaitingAnswer(
        answer_id=FIRST_CONTEST + row["dispute_id"],
        kind=AnswerKind.CONTEST,
        code=row["contest_code"],
        amount_minor=row["amount_minor"],
        entry=_entry.decode(row["record"]),
        of_file=row["file_number"],
        of_batch=_batch_header.decode(row["batch_header"]),
        settled_at=eastern(row["settles_at_us"]),
        contest=Contest(
            entry_settled_on=eastern(row["entry_settles_at_us"]).date(),
            returned_on=eastern(row["answers_at_us"]).date(),
        ),
    )
