"""What the book says: answers and outcomes for the gateway, what waits, what is due, what a file holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from kafka_log.state_file import connect_to_read
from payments.rails import Rail
from rails.ach.book_file import STATEMENTS as _SQL
from rails.ach.cut_offs import divide
from rails.ach.phases import MOVES, Fate, Leg, Part, Phase
from rails.ach.problems import lateness_of, named_entry, problem_of
from rails.ach.retries import Postponable
from rails.bank import Answer, Outcome, Result, Standing
from rails.nacha.addenda import BANK_DIGITS
from rails.nacha.contents import trace_number
from rails.nacha.return_codes import ADMINISTRATIVE, CHANGE_REASONS, RETURN_REASONS
from schemas import codec
from schemas.origination import AchCutOff, AchPayment, AchReturn

ALL = -1  # SQLite's LIMIT without a limit.
_REASONS = RETURN_REASONS | CHANGE_REASONS


class FiledFile(Struct, frozen=True, kw_only=True):
    """A file: its cut-off, how many entries each of its batches has, and what is known of its delivery."""

    cut_off: AchCutOff
    counts: dict[Part, int]
    sha256: bytes | None


class NextFile(Struct, frozen=True, kw_only=True):
    """What the next file's numbers are, and how many files its day has already."""

    file_number: int
    first_sequence: int
    files_that_day: int


class BookReading:
    """Reads through one connection, from one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def beside(cls, path: Path) -> BookReading:
        """Read the book in `path` while its owner writes it; `close` when done."""
        return cls(connect_to_read(path))

    def close(self) -> None:
        self._connection.close()

    # For the gateway.

    def known(self, references: Sequence[str]) -> set[str]:
        """Return those of the references that were taken."""
        return {row[0] for row in self._connection.execute(_SQL["known"], (json.dumps(list(references)),))}

    def answers(self, references: Sequence[str]) -> dict[str, Answer]:
        """Return the standing of every reference."""
        outcomes: dict[str, list[Outcome]] = {}
        for row in self._connection.execute(_SQL["standings"], (json.dumps(list(references)),)):
            told = outcomes.setdefault(row["reference"], [])
            if row["told"] is not None:
                told.append(_outcome(row))
        return {reference: _answer(reference, outcomes.get(reference)) for reference in references}

    def outcomes(self, after: int, limit: int) -> list[tuple[int, Outcome]]:
        """Return what the feed tells behind sequence `after`, each with its sequence."""
        return [(row["told"], _outcome(row)) for row in self._connection.execute(_SQL["feed"], (after, limit))]

    # For the clock.

    def waits_since_us(self, rail: Rail) -> int | None:
        """Return since when the entry of a rail that waits longest does so, or None."""
        since_us: int | None = self._connection.execute(_SQL["waits_since"], (rail.value,)).fetchone()[0]
        return since_us

    def counts_by_file(self, rail: Rail, by_us: int) -> list[int]:
        """Return how many of a rail's entries that wait by then go into each of the files that are needed for all."""
        rows = self._connection.execute(_SQL["oldest_waiting"], {"rail": rail.value, "by_us": by_us, "most": ALL})
        return list(divide(row["amount_minor"] for row in rows))

    def next_file(self, created_on: date) -> NextFile:
        """Return the numbers of a file created on a day. Trace numbers begin anew after 9,999,999."""
        last = self._connection.execute(_SQL["last_file"]).fetchone()
        files = int(self._connection.execute(_SQL["files_on"], (created_on.isoformat(),)).fetchone()[0])
        if last is None:
            return NextFile(file_number=1, first_sequence=1, files_that_day=files)
        return NextFile(
            file_number=last["file_number"] + 1, first_sequence=last["last_sequence"] + 1, files_that_day=files
        )

    def next_settlement(self) -> tuple[int, int] | None:
        """Return the number of the file that settles next, and when; None when there is none."""
        row = self._connection.execute(_SQL["next_settlement"]).fetchone()
        return None if row is None else (row["file_number"], row["settles_at_us"])

    # Of files.

    def undelivered(self) -> list[int]:
        """Return the files that are to be handed in, oldest first."""
        return [row[0] for row in self._connection.execute(_SQL["undelivered"])]

    def file(self, file_number: int) -> FiledFile | None:
        """Return a file, or None when there is no such number."""
        row = self._connection.execute(_SQL["file"], (file_number,)).fetchone()
        if row is None:
            return None
        cut_off = codec.decode(row["record"])
        assert isinstance(cut_off, AchCutOff)
        parts = self._connection.execute(_SQL["parts_of"], (file_number,))
        counts = {Part(Leg(each["leg"]), bool(each["is_refund"])): each["entries"] for each in parts}
        return FiledFile(cut_off=cut_off, counts=counts, sha256=row["sha256"])

    def payments_of(self, file_number: int, part: Part) -> Iterator[AchPayment]:
        """Yield the payments of the entries of one batch of a file, in the order of their trace numbers."""
        wanted = {"file_number": file_number, "leg": part.leg.value, "is_refund": int(part.is_refund)}
        for row in self._connection.execute(_SQL["entries_of"], wanted):
            payment = codec.decode(row["record"])
            assert isinstance(payment, AchPayment)
            yield payment

    def dishonored_in(self, file_number: int, part: Part) -> Iterator[tuple[AchPayment, AchReturn]]:
        """Yield the returns that one batch of a file dishonors, with their payments, in the order of trace numbers."""
        wanted = {"file_number": file_number, "is_refund": int(part.is_refund)}
        for row in self._connection.execute(_SQL["dishonored_in"], wanted):
            payment, returned = codec.decode(row["record"]), codec.decode(row["returned"])
            assert isinstance(payment, AchPayment)
            assert isinstance(returned, AchReturn)
            yield payment, returned

    # Of what came in.

    def is_dishonorable(self, returned: AchReturn) -> bool:
        """Tell whether a return comes too late for a debit whose money was passed on, and nothing else is wrong."""
        row = find_entry(self._connection, named_entry(returned))
        if row is None or problem_of(returned, row) is not None:
            return False
        is_passed_on = (Phase(row["phase"]), Leg(row["leg"]), Fate.DISPUTED) in MOVES
        return is_passed_on and lateness_of(returned, row) is not None

    def lines_noted(self, file_sha256: bytes) -> set[int]:
        """Return the lines of an incoming file that were read before."""
        return {row[0] for row in self._connection.execute(_SQL["lines_noted"], (file_sha256,))}

    def problems_of(self, file_sha256: bytes) -> list[dict[str, Any]]:
        """Return what of an incoming file a person has to look at."""
        return [dict(row) for row in self._connection.execute(_SQL["problems_of"], (file_sha256,))]

    def problems(self) -> dict[str, int]:
        """Return how many answers a person has to look at, by why."""
        return {row["problem"]: row["lines"] for row in self._connection.execute(_SQL["problems"])}

    def is_proven(self, accounts: Sequence[bytes]) -> bool:
        """Tell whether an account, by its hash under any key, was debited and is not known to be missing."""
        wanted = {
            "accounts": json.dumps([each.hex() for each in accounts]),
            "no_account": json.dumps(sorted(ADMINISTRATIVE)),
        }
        return bool(self._connection.execute(_SQL["is_proven"], wanted).fetchone()[0])

    def postponable(self, trace_number: str) -> Postponable | None:
        """Return a debit of which nothing was passed on, or None: for another entry, or one that has come back."""
        row = find_entry(self._connection, trace_number)
        if row is None or row["returned_code"] is not None:
            return None
        if (Phase(row["phase"]), Leg(row["leg"]), Fate.POSTPONED) not in MOVES:
            return None
        first = self._connection.execute(_SQL["first_file"], (row["number"],)).fetchone()
        cut_off = codec.decode(first["record"])
        assert isinstance(cut_off, AchCutOff)
        settles_at_us = cut_off.settles_at_us if first["settles_at_us"] is None else first["settles_at_us"]
        return Postponable(retries=row["retries"], first_sender=cut_off.sender, first_settles_at_us=settles_at_us)

    # For return rates.

    def debits_originated(self, first: date, last: date) -> dict[date, int]:
        """Return how many debits were handed in, by the day of their file."""
        rows = self._connection.execute(_SQL["debits_originated"], _span(first, last))
        return {date.fromisoformat(row["day"]): row["entries"] for row in rows}

    def debits_returned(self, first: date, last: date) -> dict[tuple[date, str], int]:
        """Return how many debits came back, by the day on which we heard of it, and why."""
        rows = self._connection.execute(_SQL["debits_returned"], _span(first, last))
        return {(date.fromisoformat(row["day"]), row["code"]): row["entries"] for row in rows}

    # For people.

    def phases(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(_SQL["phases"])]

    def files(self, after: int, limit: int) -> list[dict[str, Any]]:
        return [_shown(row) for row in self._connection.execute(_SQL["list_files"], (after, limit))]

    def incoming(self, offset: int, limit: int) -> list[dict[str, Any]]:
        rows = self._connection.execute(_SQL["list_incoming"], {"offset": offset, "limit": limit})
        return [{**dict(row), "file_sha256": row["file_sha256"].hex()} for row in rows]


def _span(first: date, last: date) -> dict[str, str]:
    return {"first": first.isoformat(), "last": last.isoformat()}


def find_entry(connection: sqlite3.Connection, trace_number: str) -> sqlite3.Row | None:
    """Return an entry and where its payment stands, or None when we have sent none with this trace number."""
    wanted = {"trace_bank": trace_number[:BANK_DIGITS], "sequence": int(trace_number[BANK_DIGITS:])}
    row: sqlite3.Row | None = connection.execute(_SQL["find_entry"], wanted).fetchone()
    return row


def _answer(reference: str, outcomes: list[Outcome] | None) -> Answer:
    if outcomes is None:
        return Answer(reference=reference, standing=Standing.NOT_RECEIVED)
    if not outcomes:
        return Answer(reference=reference, standing=Standing.IN_PROGRESS)
    return Answer(reference=reference, standing=Standing.DECIDED, outcomes=tuple(outcomes))


def _outcome(row: sqlite3.Row) -> Outcome:
    code: str | None = row["returned_code"] if row["result"] == Result.RETURNED else None
    return Outcome(
        reference=row["reference"],
        payment_key=row["payment_key"],
        result=Result(row["result"]),
        amount_minor=row["amount_minor"],
        occurred_at_us=row["occurred_at_us"],
        bank_reference=trace_number(row["trace_bank"], row["sequence"]),
        code=code,
        reason=None if code is None else _REASONS[code],
    )


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    cut_off = codec.decode(row["record"])
    assert isinstance(cut_off, AchCutOff)
    shown = {name: row[name] for name in row.keys() if name != "record"}  # noqa: SIM118  A row iterates its values.
    return {
        **shown,
        "rail": cut_off.rail,
        "deadline_us": cut_off.deadline_us,
        "file_id_modifier": cut_off.file_id_modifier,
    }
