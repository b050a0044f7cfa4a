"""What entries do when they are due, as rows for the books: collected, so that a round of them is written at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, assert_never

from rails.simulated.scenarios import Scenario

RETURN, CHANGE = "return", "change"


class PostingRound:
    """The rows of a round: lines of bookings, changes of balances by account, answers in their order, new states."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.balances: Counter[int] = Counter()
        self.answers: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []

    def add(self, due: sqlite3.Row) -> None:
        """Do what an entry that is due calls for: it is posted, then it may be answered."""
        if due["state"] == "received":
            self._book(due, "posted", due["settles_at_us"], comes_back=False)
            self._move(due, "posted", due["answers_at_us"])
            return
        scenario = Scenario(due["scenario"])
        match scenario:
            case Scenario.REFUSED | Scenario.RETURNED | Scenario.RETURNED_LATE:
                self._book(due, "returned", due["answers_at_us"], comes_back=True)
                self._answer(due, RETURN, due["amount_minor"])
                self._move(due, "returned", None)
            case Scenario.CORRECTED:
                self._answer(due, CHANGE, 0)
                self._move(due, "posted", None)
            case (
                Scenario.SETTLES
                | Scenario.UNANSWERED
                | Scenario.ANSWER_LOST
                | Scenario.ANSWERED_TWICE
                | Scenario.NEVER_HEARD_OF
            ):
                raise AssertionError("an entry that is not answered is never due once it is posted")
            case _:
                assert_never(scenario)

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

    def _answer(self, due: sqlite3.Row, kind: str, amount_minor: int) -> None:
        self.answers.append(
            {
                "entry_id": due["entry_id"],
                "kind": kind,
                "copy": 1,
                "code": due["code"],
                "amount_minor": amount_minor,
                "due_at_us": due["answers_at_us"],
            }
        )

    def _move(self, due: sqlite3.Row, state: str, next_at_us: int | None) -> None:
        self.states.append({"entry_id": due["entry_id"], "state": state, "next_at_us": next_at_us})
