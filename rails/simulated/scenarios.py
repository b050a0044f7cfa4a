"""What the simulated bank does with a transfer: the contract's test values, by the account number of either party."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rails.bank import Party
from rails.nacha.return_codes import RETURN_REASONS


class Scenario(StrEnum):
    """A way for a transfer to go."""

    SETTLES = "settles"
    REFUSED = "refused"  # 100NN: rejected with RNN, no money moves.
    RETURNED = "returned"  # 200NN: settled, and sent back with RNN a delay later.
    UNANSWERED = "unanswered"  # 30000: the submit gets no answer in time; settles, and the feed says so.
    ANSWER_LOST = "answer_lost"  # 30001: settles, but neither the submit's answer nor the feed tells: only asking does.
    ANSWERED_TWICE = "answered_twice"  # 30002: the feed tells of the settlement twice.
    NEVER_HEARD_OF = "never_heard_of"  # 30003: no answer, no outcome, and no clear answer to a question.


ANSWERS_NO_SUBMIT = frozenset({Scenario.UNANSWERED, Scenario.ANSWER_LOST, Scenario.NEVER_HEARD_OF})

_FIXED = {
    "30000": Scenario.UNANSWERED,
    "30001": Scenario.ANSWER_LOST,
    "30002": Scenario.ANSWERED_TWICE,
    "30003": Scenario.NEVER_HEARD_OF,
}
_CODED = re.compile(r"(?P<series>[12])00(?P<code>[0-9]{2})", re.ASCII)
_SERIES = {"1": Scenario.REFUSED, "2": Scenario.RETURNED}

UNLISTED_REASON = "returned by the receiving bank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A scenario, and the return code where it has one."""

    scenario: Scenario
    code: str | None = None


PLAIN = Script(scenario=Scenario.SETTLES)


def script_of(debit: Party, credit: Party) -> Script:
    """Return what the parties' account numbers ask for.

    The debited party's number wins when both are test values: its bank answers first, and what it refuses never gets to
    the other.
    """
    return _script(debit.account_number) or _script(credit.account_number) or PLAIN


def reason_of(code: str) -> str:
    """Return a return code's meaning."""
    return RETURN_REASONS.get(code, UNLISTED_REASON)


def _script(account_number: str) -> Script | None:
    if (fixed := _FIXED.get(account_number)) is not None:
        return Script(scenario=fixed)
    coded = _CODED.fullmatch(account_number)
    # There is no R00: 10000 and 20000 are accounts like any other.
    if coded is None or coded["code"] == "00":
        return None
    return Script(scenario=_SERIES[coded["series"]], code=f"R{coded['code']}")
