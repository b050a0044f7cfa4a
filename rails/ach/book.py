"""The book: ach-origination folded into SQLite, with its position. The same records always give the same book.

Nothing here looks at a clock, a setting or a key: what a record does follows from it and from those before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_never

from kafka_log.state_file import drop_state_file, transaction
from payments.windows import eastern
from rails.ach.book_file import STATEMENTS as _SQL
from rails.ach.book_file import open_book_file
from rails.ach.book_reading import find_entry
from rails.ach.phases import (
    CORRECTED_FAILS,
    DEBIT_LEGS,
    FOR_PEOPLE,
    HELD_BACK,
    MOVES,
    PARTS,
    WAITING,
    Fate,
    Leg,
    Part,
    Phase,
    Told,
)
from rails.ach.problems import FOR_A_PERSON, UNKNOWN_TRACE, fate_of, lateness_of, named_entry, problem_of
from rails.bank import Reference, Result
from rails.nacha.addenda import BANK_DIGITS
from schemas import codec
from schemas.origination import (
    AchCutOff,
    AchDelivery,
    AchNotice,
    AchPayment,
    AchRecord,
    AchReturn,
    AchSettlement,
)

_ORDER = {part: place for place, part in enumerate(PARTS)}


class Book:
    """The book in `path`, or in memory. One process writes it, from one thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection = open_book_file(path or Path(":memory:"))

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for whoever reads in the same thread."""
        return self._connection

    @property
    def next_offset(self) -> int:
        """The log's next record: all before it is in the book."""
        return int(self._connection.execute(_SQL["read_log"]).fetchone()["next_offset"])

    def adopt(self, identity: str, end: int) -> bool:
        """Make this the book of the log with this identity, which ends at `end`.

        False: it was another's, and had to be emptied.
        """
        row = self._connection.execute(_SQL["read_log"]).fetchone()
        is_ours = row is None or (row["identity"] == identity and row["next_offset"] <= end)
        if not is_ours:
            self.close()
            assert self._path is not None
            drop_state_file(self._path)
            self._connection = open_book_file(self._path)
        if row is None or not is_ours:
            self._connection.execute(_SQL["adopt"], {"identity": identity})
        return is_ours

    def close(self) -> None:
        self._connection.close()

    def apply(self, records: Sequence[tuple[int, AchRecord]]) -> None:
        """Fold records, each with its offset, in one transaction; what is in the book already is passed over."""
        with transaction(self._connection):
            next_offset = self.next_offset
            for offset, record in records:
                if offset >= next_offset:
                    self._apply(offset, record)
                    next_offset = offset + 1
            self._connection.execute(_SQL["advance"], {"next_offset": next_offset})

    def _apply(self, offset: int, record: AchRecord) -> None:
        match record:
            case AchPayment():
                self._take(offset, record)
            case AchCutOff():
                self._cut_off(record)
            case AchDelivery():
                self._deliver(record)
            case AchSettlement():
                self._settle(offset, record)
            case AchReturn():
                self._hear_return(offset, record)
            case AchNotice():
                self._hear_notice(offset, record)
            case _:
                assert_never(record)

    def _take(self, offset: int, payment: AchPayment) -> None:
        taken = {
            "number": offset,
            # Earlier releases wrote references otherwise: asked for by either form, it is the same payment.
            "reference": str(Reference.parse(payment.reference)),
            "payment_key": payment.payment_key,
            "amount_minor": payment.amount_minor,
            "travels_by": payment.travels_by.value,
            "is_refund": int(payment.is_refund),
            "payer_account": None if payment.payer_account is None else payment.payer_account.hex(),
            "phase": (Phase.PRENOTE_WAITS if payment.is_prenoted else Phase.DEBIT_WAITS).value,
            "waits_since_us": payment.submitted_at_us,
            "record": codec.encode(payment),
        }
        self._connection.execute(_SQL["take"], taken)

    def _cut_off(self, cut_off: AchCutOff) -> None:
        wanted = {"rail": cut_off.rail.value, "by_us": cut_off.created_at_us, "most": cut_off.entries}
        waiting = self._connection.execute(_SQL["oldest_waiting"], wanted).fetchall()
        assert len(waiting) == cut_off.entries, "a cut-off counts entries that wait before it"
        filed = [(WAITING[Phase(row["phase"])], row) for row in waiting]
        # The sort is stable: within a batch they stay in the order in which they began to wait.
        filed.sort(key=lambda each: _ORDER[Part(each[0], bool(each[1]["is_refund"]))])
        self._open_file(cut_off, filed)
        self._connection.executemany(
            _SQL["file_entry"],
            [
                {
                    "file_number": cut_off.file_number,
                    "sequence": sequence,
                    "payment": row["number"],
                    "leg": leg.value,
                    "attempt": row["retries"] if leg is Leg.RETRY else 0,
                }
                for sequence, (leg, row) in enumerate(filed, cut_off.first_sequence)
            ],
        )
        self._connection.executemany(
            _SQL["move"],
            [_moved(row["number"], MOVES[Phase(row["phase"]), leg, Fate.FILED].to) for leg, row in filed],
        )

    def _open_file(self, cut_off: AchCutOff, filed: Sequence[tuple[Leg, sqlite3.Row]]) -> None:
        last = self._connection.execute(_SQL["last_file"]).fetchone()
        assert cut_off.file_number == (1 if last is None else last["file_number"] + 1), "file numbers have no gaps"
        counts = {leg: sum(each is leg for each, _ in filed) for leg in Leg}
        minor = {leg: sum(row["amount_minor"] for each, row in filed if each is leg) for leg in Leg}
        opened = {
            "file_number": cut_off.file_number,
            "created_on": eastern(cut_off.created_at_us).date().isoformat(),
            "trace_bank": cut_off.sender.bank_routing_number[:BANK_DIGITS],
            "last_sequence": cut_off.first_sequence + cut_off.entries - 1,
            "prenotes": counts[Leg.PRENOTE],
            "debits": counts[Leg.DEBIT],
            "retries": counts[Leg.RETRY],
            "credits": counts[Leg.CREDIT],
            "give_backs": counts[Leg.GIVE_BACK],
            "dishonors": counts[Leg.DISHONOR],
            "debit_minor": sum(minor[leg] for leg in (*DEBIT_LEGS, Leg.DISHONOR)),
            "credit_minor": minor[Leg.CREDIT] + minor[Leg.GIVE_BACK],
            "record": codec.encode(cut_off),
        }
        self._connection.execute(_SQL["open_file"], opened)

    def _deliver(self, delivery: AchDelivery) -> None:
        delivered = {
            "file_number": delivery.file_number,
            "sha256": delivery.sha256,
            "delivered_at_us": delivery.delivered_at_us,
            "settles_at_us": delivery.settles_at_us,
        }
        self._connection.execute(_SQL["deliver"], delivered)

    def _settle(self, offset: int, settlement: AchSettlement) -> None:
        settled = {"file_number": settlement.file_number, "settled_at_us": settlement.settled_at_us}
        if not self._connection.execute(_SQL["settle"], settled).rowcount:
            return
        entries = self._connection.execute(_SQL["to_settle"], (settlement.file_number,)).fetchall()
        for row in entries:
            leg, at_us = Leg(row["leg"]), settlement.settled_at_us
            if leg is Leg.PRENOTE:
                assert settlement.debits_from_us is not None, "a settlement of prenotes says when debits may follow"
                at_us = settlement.debits_from_us
            self._move(offset, row["number"], row["phase"], leg, Fate.SETTLED, at_us)

    def _hear_return(self, offset: int, returned: AchReturn) -> None:
        if self._is_noted(returned):
            return
        entry = find_entry(self._connection, named_entry(returned))
        problem = problem_of(returned, entry)
        fate: Fate | None = None
        if entry is not None and problem is None:
            self._mark_returned(entry, returned)
            leg, fate, at_us = Leg(entry["leg"]), fate_of(returned, entry), returned.received_at_us
            if leg in DEBIT_LEGS:
                counted = {"day": eastern(at_us).date().isoformat(), "code": returned.code}
                self._connection.execute(_SQL["count_returned_debit"], counted)
            if returned.present_again_at_us is not None:
                self._connection.execute(_SQL["postpone"], (entry["number"],))
                at_us = returned.present_again_at_us
            to = self._move(offset, entry["number"], entry["phase"], leg, fate, at_us)
            if fate is not Fate.DISPUTED:
                problem = FOR_A_PERSON if to in FOR_PEOPLE else lateness_of(returned, entry)
        self._note("return", returned, entry, problem, is_dishonored=fate is Fate.DISPUTED)

    def _hear_notice(self, offset: int, notice: AchNotice) -> None:
        if self._is_noted(notice):
            return
        entry = find_entry(self._connection, notice.original_trace_number)
        if entry is not None and (Phase(entry["phase"]), Leg(entry["leg"])) in CORRECTED_FAILS:
            self._mark_returned(entry, notice)
            leg, at_us = Leg(entry["leg"]), notice.received_at_us
            self._move(offset, entry["number"], entry["phase"], leg, Fate.RETURNED, at_us)
        self._note("notice", notice, entry, UNKNOWN_TRACE if entry is None else None)

    def _mark_returned(self, entry: sqlite3.Row, came: AchReturn | AchNotice) -> None:
        marked = {
            "file_number": entry["file_number"],
            "sequence": entry["sequence"],
            "code": came.code,
            "at_us": came.received_at_us,
        }
        self._connection.execute(_SQL["mark_returned"], marked)

    def _is_noted(self, came: AchReturn | AchNotice) -> bool:
        wanted = {"file_sha256": came.file_sha256, "line": came.line}
        return bool(self._connection.execute(_SQL["is_noted"], wanted).fetchone()[0])

    def _note(
        self,
        kind: str,
        came: AchReturn | AchNotice,
        entry: sqlite3.Row | None,
        problem: str | None,
        *,
        is_dishonored: bool = False,
    ) -> None:
        noted = {
            "file_sha256": came.file_sha256,
            "line": came.line,
            "kind": kind,
            "code": came.code,
            "original_trace_number": came.original_trace_number,
            "received_at_us": came.received_at_us,
            "payment": None if entry is None else entry["number"],
            "leg": None if entry is None else entry["leg"],
            "problem": problem,
            "is_dishonored": int(is_dishonored),
            "record": codec.encode(came),
        }
        self._connection.execute(_SQL["note"], noted)

    def _move(self, offset: int, number: int, phase: str, leg: Leg, fate: Fate, at_us: int) -> Phase | None:
        """Move a payment as its entry's fate wants it, and return where to; None: no move, nothing changes."""
        move = MOVES.get((Phase(phase), leg, fate))
        if move is None:
            return None
        self._connection.execute(_SQL["move"], _moved(number, move.to, offset, at_us))
        for told in move.tells:
            self._tell(number, told, at_us)
        return move.to

    def _tell(self, number: int, told: Told, at_us: int) -> None:
        or_leg = Leg.RETRY if told.leg is Leg.DEBIT else told.leg
        wanted = {"payment": number, "leg": told.leg.value, "or_leg": or_leg.value}
        entry = self._connection.execute(_SQL["latest_entry"], wanted).fetchone()
        outcome = {
            "payment": number,
            "result": told.result.value,
            "entry_file": entry["file_number"],
            "entry_sequence": entry["sequence"],
            "occurred_at_us": at_us if told.result is Result.SETTLED else entry["returned_at_us"],
        }
        self._connection.execute(_SQL["tell"], outcome)


def _moved(number: int, phase: Phase, offset: int | None = None, at_us: int | None = None) -> dict[str, Any]:
    waits = phase in WAITING
    return {
        "number": number,
        "phase": phase.value,
        "waits_from": offset if waits else None,
        "waits_since_us": at_us if waits else None,
        "not_before_us": at_us if phase in HELD_BACK else None,
    }
