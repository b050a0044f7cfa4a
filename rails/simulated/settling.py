"""What transfers do when they are due, as rows for the books: collected, so that a round of them is written at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any, assert_never

from rails.bank import Result
from rails.simulated.scenarios import Scenario, reason_of


class Round:
    """The rows of a round: lines of bookings, and of those made a second time, changes of balances by account, outcomes
    in their order, new states."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.second_lines: list[dict[str, Any]] = []
        self.balances: Counter[int] = Counter()
        self.outcomes: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []

    def add(self, due: sqlite3.Row) -> None:
        """Do what a transfer that is due calls for."""
        scenario = Scenario(due["scenario"])
        debit, credit = due["debit_account"], due["credit_account"]
        if due["state"] == "settled":
            self._book(due, "returned", due["returns_at_us"], debited=credit, credited=debit)
            self._tell(due, Result.RETURNED, due["returns_at_us"], code=due["code"])
            self._move(due, "returned", None)
            return
        match scenario:
            case Scenario.REFUSED:
                self._tell(due, Result.REJECTED, due["settles_at_us"], code=due["code"])
                self._move(due, "rejected", None)
            case (
                Scenario.SETTLES
                | Scenario.UNANSWERED
                | Scenario.ANSWER_LOST
                | Scenario.ANSWERED_TWICE
                | Scenario.RETURNED
                | Scenario.RETURNED_LATE
                | Scenario.CONTESTED
                | Scenario.CORRECTED
            ):
                self._book(due, "settled", due["settles_at_us"], debited=debit, credited=credit)
                is_told = scenario is not Scenario.ANSWER_LOST and not due["is_dropped"]
                self._tell(due, Result.SETTLED, due["settles_at_us"], is_told=is_told)
                if due["is_doubled"]:
                    self._book_again(due, debited=debit, credited=credit)
                if due["is_doubled"] or scenario is Scenario.ANSWERED_TWICE:
                    self._tell(due, Result.SETTLED, due["settles_at_us"], is_told=is_told)
                self._move(due, "settled", due["returns_at_us"])
            case Scenario.ONLY_BOOKED:
                self._book(due, "settled", due["settles_at_us"], debited=debit, credited=credit)
                self._move(due, "settled", None)
            case Scenario.NEVER_HEARD_OF:
                raise AssertionError("a transfer that is never heard of is never due")
            case _:
                assert_never(scenario)

    def _book(self, due: sqlite3.Row, booking: str, at_us: int, *, debited: int, credited: int) -> None:
        self.lines += [{"booking": booking, **line} for line in self._lines(due, at_us, debited, credited)]

    def _book_again(self, due: sqlite3.Row, *, debited: int, credited: int) -> None:
        self.second_lines += self._lines(due, due["settles_at_us"], debited, credited)

    def _lines(self, due: sqlite3.Row, at_us: int, debited: int, credited: int) -> list[dict[str, Any]]:
        """Return the two lines of a booking, having changed the balances by them."""
        lines = []
        for line, account_id, amount_minor in ((1, debited, -due["amount_minor"]), (2, credited, due["amount_minor"])):
            self.balances[account_id] += amount_minor
            lines.append(
                {
                    "transfer_id": due["transfer_id"],
                    "line": line,
                    "account_id": account_id,
                    "amount_minor": amount_minor,
                    "booked_at_us": at_us,
                }
            )
        return lines

    def _tell(
        self, due: sqlite3.Row, result: Result, at_us: int, *, code: str | None = None, is_told: bool = True
    ) -> None:
        self.outcomes.append(
            {
                "transfer_id": due["transfer_id"],
                "result": result.value,
                "code": code,
                "reason": reason_of(code) if code is not None else None,
                "occurred_at_us": at_us,
                "is_told": int(is_told),
            }
        )

    def _move(self, due: sqlite3.Row, state: str, next_at_us: int | None) -> None:
        self.states.append({"transfer_id": due["transfer_id"], "state": state, "next_at_us": next_at_us})
