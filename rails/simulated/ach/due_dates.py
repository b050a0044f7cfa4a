"""When an ACH entry settles at the simulated bank, and when it is answered: pure, in microseconds UTC."""

from __future__ import annotations

from datetime import date, time
from typing import assert_never

from payments.calendar import add_banking_days, banking_day_from, next_banking_day
from payments.rails import Rail
from payments.windows import BankHours, Leg, eastern, instant_us
from rails.nacha.file_header import FileHeader
from rails.nacha.return_codes import RETURN_BANKING_DAYS_MAX, last_dishonor_day, last_return_day
from rails.simulated.scenarios import Scenario, Script

UNTIMELY_DISHONORED_RETURN, TIMELY_RETURN = "R72", "R73"


def settles_at_us(hours: BankHours, *, leg: Leg, amount_minor: int, effective_on: date, received_at_us: int) -> int:
    """Return when an entry settles that came at `received_at_us`.

    One that is to be effective no later than on the banking day on which it came asks for the same day: it gets the
    first window that is open, or the next banking day's. One above the limit of same-day ACH, or effective later,
    settles as standard ACH does, and not before its day: the bank keeps what comes early. (Nacha Operating Rules,
    effective entry dates and same-day entries.)
    """
    if effective_on <= banking_day_from(eastern(received_at_us).date()):
        window = hours.window_at(Rail.SAME_DAY_ACH, received_at_us, leg, amount_minor=amount_minor)
        return window.settles_at_us
    standard = hours.window_at(Rail.STANDARD_ACH, received_at_us, leg)
    return max(standard.settles_at_us, instant_us(banking_day_from(effective_on), hours.standard_settles_at))


def answers_at_us(hours: BankHours, script: Script, settled_at_us: int) -> int | None:
    """Return when an entry that settles then is returned or corrected; None: it is not.

    What is refused (100NN) comes back when it settles, before anything is paid out of it. All else comes in the
    morning of the last day that the rules give (`last_return_day`): 2 banking days later, or on the banking day behind
    60 days of a debit that the customer did not authorise; what is late, a banking day behind that.
    """
    settled_on = eastern(settled_at_us).date()
    match script.scenario:
        case Scenario.REFUSED:
            return settled_at_us
        case Scenario.RETURNED:
            assert script.code is not None, script
            answered_on = last_return_day(script.code, settled_on)
        case Scenario.RETURNED_LATE | Scenario.CONTESTED:
            assert script.code is not None, script
            answered_on = next_banking_day(last_return_day(script.code, settled_on))
        case Scenario.CORRECTED:
            # Changes have the time that returns have.
            answered_on = add_banking_days(settled_on, RETURN_BANKING_DAYS_MAX)
        case (
            Scenario.SETTLES
            | Scenario.UNANSWERED
            | Scenario.ANSWER_LOST
            | Scenario.ANSWERED_TWICE
            | Scenario.NEVER_HEARD_OF
            | Scenario.ONLY_BOOKED
        ):
            return None
        case _:
            assert_never(script.scenario)
    return instant_us(answered_on, hours.standard_settles_at)


def contest_of(hours: BankHours, script: Script, *, returned_on: date, dishonored_at_us: int) -> tuple[str, int] | None:
    """Return with which code, and when, a return is insisted on that was dishonored, which settled at a time.

    It is accepted, which is None, unless the account asks for a contest (600NN), or it came after its own last day. A
    contest comes in the morning of the next banking day; the rules give 2.
    """
    dishonored_on = eastern(dishonored_at_us).date()
    at_us = instant_us(next_banking_day(dishonored_on), hours.standard_settles_at)
    if dishonored_on > last_dishonor_day(returned_on):
        return UNTIMELY_DISHONORED_RETURN, at_us
    return (TIMELY_RETURN, at_us) if script.scenario is Scenario.CONTESTED else None


def made_by_us(header: FileHeader) -> int | None:
    """Return by when a file says it was made: the end of that minute. None when it does not say at which time."""
    made_at = header.file_creation_time
    if made_at is None:
        return None
    return instant_us(header.file_creation_date, time(made_at.hour, made_at.minute, 59, 999_999))
