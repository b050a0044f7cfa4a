"""When banks take payments and when they settle them: the windows of each rail, in Eastern time.

Same-day ACH: Nacha Operating Rules and the FedACH processing schedule. Fedwire: the Federal Reserve Banks' operating
hours, with the cut-off of 8 March 2021. All instants are microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never
from zoneinfo import ZoneInfo

from payments.calendar import DAY, add_banking_days, banking_day_from, next_banking_day
from payments.limits import LIMITS, Limit, is_within_limit
from payments.rails import Rail

EASTERN = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Leg(StrEnum):
    """Half of an ACH payment: the payer is debited, then the payee is credited."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SameDayWindow:
    """A file that is in by `deadline` on a banking day settles at `settles_at` that day, from the date `since` on."""

    deadline: time
    settles_at: time
    since: date


SAME_DAY_WINDOWS = (
    SameDayWindow(deadline=time(10, 30), settles_at=time(13, 0), since=date(2016, 9, 23)),
    SameDayWindow(deadline=time(14, 45), settles_at=time(17, 0), since=date(2016, 9, 23)),
    SameDayWindow(deadline=time(16, 45), settles_at=time(18, 0), since=date(2021, 3, 19)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a payment submitted at some instant gets: the last instant that would get the same, and its settlement.

    `rail` is the one it really travels on. A rail that settles at once has a window of its own for every instant.
    """

    rail: Rail
    closes_at_us: int
    settles_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankHours:
    """The dated settings by which payments settle; the defaults are those of the United States.

    Standard ACH settles in the morning, one banking day after its file; a credit may be given two (`standard_days`).
    FedACH takes files for a day until 02:15 of the night behind it; here a day ends at midnight, which leaves room for
    a late file. Fedwire closes at 19:00, to customers' transfers at 18:45: payments are those.
    """

    same_day_windows: tuple[SameDayWindow, ...] = SAME_DAY_WINDOWS
    limits: tuple[Limit, ...] = LIMITS
    standard_days: Mapping[Leg, int] = field(default_factory=lambda: {Leg.DEBIT: 1, Leg.CREDIT: 1})
    standard_settles_at: time = time(8, 30)
    fedwire_opens: time = time(21, 0)
    fedwire_closes: time = time(18, 45)

    def window_at(self, rail: Rail, at_us: int, leg: Leg, *, amount_minor: int | None = None) -> Window:
        """Return the first window of `rail` that has not closed before `at_us` (a file at 14:45:01 misses 14:45).

        An entry above the limit of same-day ACH is not refused: it settles as standard ACH does.
        """
        match rail:
            case Rail.INSTANT:
                return Window(rail=rail, closes_at_us=at_us, settles_at_us=at_us)
            case Rail.WIRE:
                return self._fedwire(at_us)
            case Rail.STANDARD_ACH:
                return self._standard(at_us, leg)
            case Rail.SAME_DAY_ACH:
                window, day = self._same_day(at_us)
                if amount_minor is None or is_within_limit(rail, amount_minor, day, self.limits):
                    return window
                return self._standard(at_us, leg)
            case _:
                assert_never(rail)

    def legs_at(self, rail: Rail, at_us: int, *, amount_minor: int | None = None) -> tuple[Window, ...]:
        """Return the windows of a payment submitted at `at_us`: by ACH the debit's, then the credit's.

        The credit leaves in the first window after the debit has settled: nothing is paid out of money that has not
        come. It travels as the debit did, even if the limit was raised between. Wires and instant payments push the
        payer's own money, in one movement.
        """
        if rail in (Rail.INSTANT, Rail.WIRE):
            return (self.window_at(rail, at_us, Leg.CREDIT, amount_minor=amount_minor),)
        debit = self.window_at(rail, at_us, Leg.DEBIT, amount_minor=amount_minor)
        credit = self.window_at(debit.rail, debit.settles_at_us, Leg.CREDIT)
        return (debit, credit)

    def expected_settlement_at_us(self, rail: Rail, at_us: int, *, amount_minor: int | None = None) -> int:
        """Return when the payee of a payment submitted at `at_us` is expected to have the money."""
        return self.legs_at(rail, at_us, amount_minor=amount_minor)[-1].settles_at_us

    def _same_day(self, at_us: int) -> tuple[Window, date]:
        day = banking_day_from(eastern(at_us).date())
        while True:
            for window in self.same_day_windows:
                closes_at_us = instant_us(day, window.deadline)
                if day >= window.since and at_us <= closes_at_us:
                    settles_at_us = instant_us(day, window.settles_at)
                    return Window(rail=Rail.SAME_DAY_ACH, closes_at_us=closes_at_us, settles_at_us=settles_at_us), day
            day = next_banking_day(day)

    def _standard(self, at_us: int, leg: Leg) -> Window:
        day = banking_day_from(eastern(at_us).date())
        settles_on = add_banking_days(day, self.standard_days[leg])
        return Window(
            rail=Rail.STANDARD_ACH,
            closes_at_us=instant_us(day + DAY, time(0, 0)) - 1,
            settles_at_us=instant_us(settles_on, self.standard_settles_at),
        )

    def _fedwire(self, at_us: int) -> Window:
        # Fedwire's day begins in the evening of the calendar day before: Monday's on Sunday at 21:00.
        day = banking_day_from(eastern(at_us).date())
        if at_us > instant_us(day, self.fedwire_closes):
            day = next_banking_day(day)
        moves_at_us = max(at_us, instant_us(day - DAY, self.fedwire_opens))
        return Window(rail=Rail.WIRE, closes_at_us=moves_at_us, settles_at_us=moves_at_us)


def eastern(at_us: int) -> datetime:
    """Return an instant in Eastern time, daylight saving included."""
    return (EPOCH + at_us * MICROSECOND).astimezone(EASTERN)


def instant_us(day: date, at: time) -> int:
    """Return the instant of an Eastern wall clock time. None that banks name is in the hour that daylight saving skips
    or repeats."""
    return (datetime.combine(day, at, EASTERN) - EPOCH) // MICROSECOND
