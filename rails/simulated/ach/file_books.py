"""The files in the simulated bank's books: what was taken, posted, answered and written.

Every method is one transaction, and leaves the books balanced. Like the rest of the books, not for several threads.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from kafka_log.sql_files import read_statements
from payments.calendar import DAY
from payments.windows import BankHours, eastern
from rails.ach.cut_offs import FILE_ID_MODIFIERS, divide
from rails.nacha.codes import DEBITS
from rails.nacha.contents import NachaFile
from rails.nacha.file_header import FileHeader
from rails.nacha.writer import build_file
from rails.simulated.ach.answer_file import WaitingAnswer, answer_file
from rails.simulated.ach.deposit import BANK_NAMES, Deposit, DepositedBatch
from rails.simulated.ach.dispute_books import DisputeBooks
from rails.simulated.ach.file_rows import (
    Taken,
    company_account,
    entry_row,
    incoming_row,
    number_hash_of,
    open_fault,
    receivers,
    taken_of,
    waiting_answer,
)
from rails.simulated.ach.injected_faults import OpenFaults, Outages
from rails.simulated.ach.posting import PostingRound
from rails.simulated.books import DUE_MAX, Books

ANSWERS_MAX = 10_000  # In one file: a transaction of about a second.

_SQL = read_statements(Path(__file__).parent.parent / "sql" / "ach_statements.sql")
_file_header = msgspec.json.Decoder(FileHeader)


class FileIdTaken(Exception):
    """Another file of the same sender has this day and file id: which of the two is meant, nobody may guess."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has the same sender, creation date and file id, and other contents")
        self.name = name


class FileNameTaken(Exception):
    """A file with other contents has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a file {name} with other contents")
        self.name = name


class FileBooks:
    """The ACH side of `books`; `hours` are the windows by which entries settle."""

    def __init__(self, books: Books, hours: BankHours | None = None) -> None:
        self._books = books
        self._hours = hours or BankHours()
        self._connection = books.connection
        self._disputes = DisputeBooks(books, self._hours)

    def take(self, name: str, deposit: Deposit, *, received_at_us: int) -> Taken:
        """Take a file, or raise FileIdTaken, FileNameTaken or BrokenFile: it dishonors what was not returned.

        The same bytes again change nothing, under whatever name they come.
        """
        file = incoming_row(name, deposit, received_at_us)
        with self._books.transaction() as connection:
            kept = connection.execute(_SQL["keep_file"], file)
            if not kept.rowcount:
                return self._taken_before(file)
            assert kept.lastrowid is not None
            for batch in deposit.batches:
                self._keep(kept.lastrowid, batch, received_at_us)
        return taken_of(file, is_new=True)

    def refuse(self, name: str, sha256: bytes, faults: Sequence[dict[str, Any]], *, at_us: int) -> None:
        """Remember that a file was not taken."""
        row = {"name": name, "sha256": sha256, "faults": msgspec.json.encode(faults), "at_us": at_us}
        with self._books.transaction() as connection:
            connection.execute(_SQL["refuse_file"], row)

    def post_due(self, *, now_us: int) -> int:
        """Post and answer what is due by now, at most DUE_MAX steps of entries and of disputes, and return how many."""
        with self._books.transaction() as connection:
            due = connection.execute(_SQL["entries_due"], (now_us, DUE_MAX)).fetchall()
            faults = OpenFaults(open_fault(row) for row in connection.execute(_SQL["open_faults"]))
            done = PostingRound(self._hours, faults)
            for row in due:
                done.add(row)
            assert sum(done.balances.values()) == 0, "every booking has two sides"
            connection.executemany(_SQL["post_entry"], done.lines)
            self._books.change_balances(done.balances)
            connection.executemany(_SQL["answer_entry"], done.answers)
            connection.executemany(_SQL["move_entry"], done.states)
            used = [{"fault_id": each, "entries": entries} for each, entries in faults.used.items() if entries]
            connection.executemany(_SQL["use_fault"], used)
            disputed = self._disputes.post_due(now_us, DUE_MAX)
        return len(due) + disputed

    def write_answers(self, *, dated_us: Callable[[int], int]) -> str | None:
        """Write the file of the answers that have waited longest, and return its name; None: no answer waits.

        `dated_us` dates the file whose answers were due at the time it is given. Call it when nothing more is due:
        what has come due meanwhile and belongs in the same file would get one of its own.
        """
        with self._books.transaction() as connection:
            first = connection.execute(_SQL["first_answer"]).fetchone()
            if first is None:
                return self._write_contests(dated_us)
            wanted = {each: first[each] for each in ("due_at_us", "copy", "destination", "origin")}
            rows = connection.execute(_SQL["answers_waiting"], {**wanted, "most": ANSWERS_MAX}).fetchall()
            rows = rows[: next(divide(row["amount_minor"] for row in rows))]
            name, number = self._write([waiting_answer(row) for row in rows], first, dated_us)
            answered = [{"file_number": number, "answer_id": row["answer_id"]} for row in rows]
            connection.executemany(_SQL["file_answer"], answered)
        return name

    def next_due_us(self) -> int | None:
        """Return when an entry is next due, or None."""
        due_us: int | None = self._connection.execute(_SQL["next_entry_due"]).fetchone()[0]
        return due_us

    def to_hand_over(self) -> tuple[str, bytes] | None:
        """Return the oldest file of the bank's that was not handed over yet, or None."""
        row = self._connection.execute(_SQL["to_hand_over"]).fetchone()
        return None if row is None else (row["name"], row["data"])

    def handed_over(self, name: str) -> None:
        with self._books.transaction() as connection:
            connection.execute(_SQL["handed_over"], (name,))

    def file(self, name: str) -> bytes | None:
        """Return the bytes of a file, or None."""
        row = self._connection.execute(_SQL["file"], (name,)).fetchone()
        return None if row is None else row["data"]

    def report(self, *, before: int, limit: int) -> dict[str, Any]:
        """Return counts, a page of files, the newest first, and the newest refusals."""
        files = [dict(row) for row in self._connection.execute(_SQL["list_files"], (before, limit))]
        refusals = self._connection.execute(_SQL["list_refusals"], (limit,))
        return {
            "counts": dict(self._connection.execute(_SQL["ach_counts"]).fetchone()),
            "files": files,
            "next": files[-1]["file_number"] if len(files) == limit else None,
            "refused": [{**dict(row), "faults": json.loads(row["faults"])} for row in refusals],
        }

    def set_fault(self, fault: dict[str, Any]) -> int:
        """Have something go wrong from now on, and return its number; `fault` is a row of ach_faults."""
        with self._books.transaction() as connection:
            set_as = connection.execute(_SQL["set_fault"], fault).lastrowid
        assert set_as is not None
        return set_as

    def remove_fault(self, fault_id: int) -> bool:
        """Have it not happen any more; False: there is no such fault."""
        with self._books.transaction() as connection:
            return connection.execute(_SQL["remove_fault"], (fault_id,)).rowcount == 1

    def faults(self, limit: int) -> list[dict[str, Any]]:
        """Return what was asked for, the newest first."""
        return [dict(row) for row in self._connection.execute(_SQL["list_faults"], (limit,))]

    def outages(self) -> Outages:
        return Outages((row["from_us"], row["until_us"]) for row in self._connection.execute(_SQL["outages"]))

    def _taken_before(self, file: dict[str, Any]) -> Taken:
        """Say what stood in a file's way: itself, or one that it must not be mistaken for."""
        before = self._connection.execute(_SQL["file_of_bytes"], (file["sha256"],)).fetchone()
        if before is not None:
            return taken_of(before, is_new=False)
        same_id = self._connection.execute(_SQL["file_of_id"], file).fetchone()
        if same_id is not None:
            raise FileIdTaken(same_id["name"])
        raise FileNameTaken(file["name"])

    def _keep(self, file_number: int, batch: DepositedBatch, received_at_us: int) -> None:
        hash_of = self._books.number_hash
        company = company_account(batch.header, hash_of, received_at_us)
        accounts = {account["number_hash"]: account for account in receivers(batch, hash_of, received_at_us)}
        self._books.open_accounts([company, *accounts.values()])
        of_file = {"file_number": file_number, "batch_number": batch.header.batch_number}
        kept = {"header": msgspec.json.encode(batch.header), "company_hash": company["number_hash"]}
        self._connection.execute(_SQL["keep_batch"], {**of_file, **kept})
        if batch.is_of_returns:
            self._disputes.keep(file_number, batch, received_at_us)
            return
        rows = (entry_row(batch.header, line, entry, self._hours, received_at_us) for line, entry in batch.entries)
        hashes = (number_hash_of(entry, hash_of) for _, entry in batch.entries)
        self._connection.executemany(
            _SQL["keep_entry"],
            ({**of_file, **row, "number_hash": each} for row, each in zip(rows, hashes, strict=True)),
        )

    def _write_contests(self, dated_us: Callable[[int], int]) -> str | None:
        """Write the file of the contests that have waited longest; inside of a transaction."""
        first = self._disputes.first_contest()
        if first is None:
            return None
        waiting = self._disputes.contests_waiting(first, ANSWERS_MAX)
        contests = waiting[: next(divide(each.amount_minor for each in waiting))]
        name, number = self._write(contests, first, dated_us)
        self._disputes.filed(number, contests)
        return name

    def _write(
        self, answers: Sequence[WaitingAnswer], first: sqlite3.Row, dated_us: Callable[[int], int]
    ) -> tuple[str, int]:
        """Keep the file of some answers, of which `first` was due first, and return its name and number."""
        file, contents = self._outgoing(answers, first, dated_us(first["due_at_us"]))
        file["data"] = build_file(contents)
        file["sha256"] = hashlib.sha256(file["data"]).digest()
        kept = self._connection.execute(_SQL["keep_file"], file)
        assert kept.rowcount == 1, "the bank's own file ids and names are new"
        assert kept.lastrowid is not None
        return str(file["name"]), kept.lastrowid

    def _outgoing(
        self, answers: Sequence[WaitingAnswer], first: sqlite3.Row, at_us: int
    ) -> tuple[dict[str, Any], NachaFile]:
        """Return the row of a file that the bank writes, without its bytes, and what is in it."""
        to = _file_header.decode(first["header"])
        number = int(self._connection.execute(_SQL["next_file_number"]).fetchone()[0])
        made_at = eastern(at_us)
        # The file's own addresses are those of the files that it answers, the other way round.
        addresses = {"destination": first["origin"], "origin": first["destination"]}
        created_on, file_id = self._file_id(made_at.date(), addresses)
        made_at = datetime.combine(created_on, made_at.timetz())
        contents = answer_file(answers, to=to, made_at=made_at, file_id=file_id, number=number)
        debits = [each.amount_minor for each in answers if each.entry.transaction_code in DEBITS]
        file = {
            **addresses,
            "direction": "out",
            "name": f"{BANK_NAMES}{created_on:%Y%m%d}-{file_id}-{number:08d}.ach",
            "created_on": created_on.isoformat(),
            "file_id": file_id,
            "header": msgspec.json.encode(contents.header),
            "entries": len(answers),
            "debit_minor": sum(debits),
            "credit_minor": sum(each.amount_minor for each in answers) - sum(debits),
            "at_us": at_us,
        }
        return file, contents

    def _file_id(self, day: date, addresses: dict[str, str]) -> tuple[date, str]:
        """Return a file id that is not used, and its day. A day has 36; what needs more has the next day's."""
        while True:
            wanted = {**addresses, "created_on": day.isoformat()}
            used = int(self._connection.execute(_SQL["files_written"], wanted).fetchone()[0])
            if used < len(FILE_ID_MODIFIERS):
                return day, FILE_ID_MODIFIERS[used]
            day += DAY
