"""What the simulated bank does with a transfer or an ACH entry: the contract's test values, by account number.

A transfer has two parties, whose numbers both count; an entry has the one account that it debits or credits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rails.bank import Party
from rails.nacha.return_codes import CHANGE_REASONS, RETURN_REASONS


class Scenario(StrEnum):
    """A way for a transfer or an entry to go."""

    SETTLES = "settles"
    REFUSED = "refused"  # 100NN: rejected with RNN, no money moves.
    RETURNED = "returned"  # 200NN: settled, and sent back with RNN a delay later.
    UNANSWERED = "unanswered"  # 30000: the submit gets no answer in time; settles, and the feed says so.
    ANSWER_LOST = "answer_lost"  # 30001: settles, but neither the submit's answer nor the feed tells: only asking does.
    ANSWERED_TWICE = "answered_twice"  # 30002: the feed tells of the settlement twice.
    NEVER_HEARD_OF = "never_heard_of"  # 30003: no answer, no outcome, and no clear answer to a question.
    ONLY_BOOKED = "only_booked"  # 30004: as 30003 to whoever asks, but it settles: only a statement tells.
    CORRECTED = "corrected"  # 400NN: settles; for an entry a notification of change CNN comes.
    RETURNED_LATE = "returned_late"  # 500NN: as 200NN, but an entry comes back a banking day after the rules' last day.
    CONTESTED = "contested"  # 600NN: as 500NN, and when that return is dishonored, the bank insists on it.


RETURNING = frozenset({Scenario.RETURNED, Scenario.RETURNED_LATE, Scenario.CONTESTED})
TELLS_NOTHING = frozenset({Scenario.NEVER_HEARD_OF, Scenario.ONLY_BOOKED})
ANSWERS_NO_SUBMIT = TELLS_NOTHING | {Scenario.UNANSWERED, Scenario.ANSWER_LOST}

_FIXED = {
    "30000": Scenario.UNANSWERED,
    "30001": Scenario.ANSWER_LOST,
    "30002": Scenario.ANSWERED_TWICE,
    "30003": Scenario.NEVER_HEARD_OF,
    "30004": Scenario.ONLY_BOOKED,
}
_CODED = re.compile(r"(?P<series>[12456])00(?P<code>[0-9]{2})", re.ASCII)
_SERIES = {
    "1": Scenario.REFUSED,
    "2": Scenario.RETURNED,
    "4": Scenario.CORRECTED,
    "5": Scenario.RETURNED_LATE,
    "6": Scenario.CONTESTED,
}

UNLISTED_REASON = "returned by the receiving bank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A scenario, and the code of the return or of the change where it has one."""

    scenario: Scenario
    code: str | None = None


PLAIN = Script(scenario=Scenario.SETTLES)


def script_of(debit: Party, credit: Party) -> Script:
    """Return what the parties' account numbers ask for.

    The debited party's number wins when both are test values: its bank answers first, and what it refuses never gets to
    the other.
    """
    return _script(debit.account_number) or _script(credit.account_number) or PLAIN


def script_of_entry(account_number: str) -> Script:
    """Return what the account number of an ACH entry asks for. A code that Nacha does not know asks for nothing."""
    script = _script(account_number) or PLAIN
    is_known = script.code is None or script.code in RETURN_REASONS or script.code in CHANGE_REASONS
    return script if is_known else PLAIN


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
    scenario = _SERIES[coded["series"]]
    letter = "C" if scenario is Scenario.CORRECTED else "R"
    return Script(scenario=scenario, code=f"{letter}{coded['code']}")
