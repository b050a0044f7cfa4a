"""What entries do when they are due, as rows for the books: collected, so that a round of them is written at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, assert_never

from payments.windows import BankHours
from rails.simulated.ach.answer_file import AnswerKind
from rails.simulated.ach.due_dates import answers_at_us
from rails.simulated.ach.injected_faults import LATE_CODE, FaultKind, OpenFault, OpenFaults, wrong_amount
from rails.simulated.scenarios import Scenario, Script


class PostingRound:
    """The rows of a round: lines of bookings, changes of balances by account, answers in their order, new states."""

    def __init__(self, hours: BankHours, faults: OpenFaults) -> None:
        self.lines: list[dict[str, Any]] = []
        self.balances: Counter[int] = Counter()
        self.answers: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self._hours = hours
        self._faults = faults

    def add(self, due: sqlite3.Row) -> None:
        """Do what an entry that is due calls for: it is posted, then it may be answered."""
        if due["state"] == "received":
            self._post(due)
            return
        scenario = Scenario(due["scenario"])
        match scenario:
            case Scenario.REFUSED | Scenario.RETURNED | Scenario.RETURNED_LATE | Scenario.CONTESTED:
                self._book(due, "returned", due["answers_at_us"], comes_back=True)
                self._answer(due, AnswerKind.RETURN, due["amount_minor"])
                self._end(due, "returned")
            case Scenario.CORRECTED:
                self._answer(due, AnswerKind.CHANGE, 0)
                self._end(due, "posted")
            case (
                Scenario.SETTLES
                | Scenario.UNANSWERED
                | Scenario.ANSWER_LOST
                | Scenario.ANSWERED_TWICE
                | Scenario.NEVER_HEARD_OF
                | Scenario.ONLY_BOOKED
            ):
                raise AssertionError("an entry that is not answered is never due once it is posted")
            case _:
                assert_never(scenario)

    def _post(self, due: sqlite3.Row) -> None:
        self._book(due, "posted", due["settles_at_us"], comes_back=False)
        script = Script(scenario=Scenario(due["scenario"]), code=due["code"])
        answered_us = due["answers_at_us"]
        if answered_us is None and (late := self._fault(FaultKind.LATE_RETURN, due)) is not None:
            script = Script(scenario=Scenario.RETURNED_LATE, code=late.code or LATE_CODE)
            answered_us = answers_at_us(self._hours, script, due["settles_at_us"])
        self._move(due, "posted", script, answered_us, next_at_us=answered_us)

    def _book(self, due: sqlite3.Row, booking: str, at_us: int, *, comes_back: bool) -> None:
        """Move an entry's money between the receiver and the company; a prenote has none."""
        if not due["amount_minor"]:
            return
        takes = bool(due["is_debit"]) is not comes_back
        received_minor = -due["amount_minor"] if takes else due["amount_minor"]
        sides = ((1, due["account_id"], received_minor), (2, due["company_account"], -received_minor))
        for line, account_id, amount_minor in sides:
            self.balances[account_id] += amount_minor
            self.lines.append(
                {
                    "entry_id": due["entry_id"],
                    "booking": booking,
                    "line": line,
                    "account_id": account_id,
                    "amount_minor": amount_minor,
                    "booked_at_us": at_us,
                }
            )

    def _answer(self, due: sqlite3.Row, kind: AnswerKind, amount_minor: int) -> None:
        """Have an answer written, unless it is to be lost; twice when it is to be; with what amount it is to have."""
        if self._fault(FaultKind.LOST_ANSWER, due) is not None:
            return
        if amount_minor and self._fault(FaultKind.WRONG_AMOUNT, due) is not None:
            amount_minor = wrong_amount(amount_minor)
        copies = 1 if self._fault(FaultKind.DUPLICATE_ANSWER, due) is None else 2
        for copy in range(1, copies + 1):
            self.answers.append(
                {
                    "entry_id": due["entry_id"],
                    "kind": kind.value,
                    "copy": copy,
                    "code": due["code"],
                    "amount_minor": amount_minor,
                    "due_at_us": due["answers_at_us"],
                }
            )

    def _fault(self, kind: FaultKind, due: sqlite3.Row) -> OpenFault | None:
        return self._faults.take(kind, (due["trace_number"], due["identification"]))

    def _end(self, due: sqlite3.Row, state: str) -> None:
        script = Script(scenario=Scenario(due["scenario"]), code=due["code"])
        self._move(due, state, script, due["answers_at_us"], next_at_us=None)

    def _move(
        self, due: sqlite3.Row, state: str, script: Script, answered_us: int | None, *, next_at_us: int | None
    ) -> None:
        self.states.append(
            {
                "entry_id": due["entry_id"],
                "state": state,
                "scenario": script.scenario.value,
                "code": script.code,
                "answers_at_us": answered_us,
                "next_at_us": next_at_us,
            }
        )
