"""The simulated bank's clock as callers see and set it: forward, faster, still, or to what happens next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from business_clock import Clock, Setting, read_setting, write_setting
from payments.rails import ACH_RAILS
from payments.windows import EPOCH, MICROSECOND, BankHours, Leg, eastern
from rails.simulated.app import BadRequest, understood

SET_BY = "the simulated bank"

NextDue = Callable[[], Awaitable[int | None]]


class ClockIsTheMachines(Exception):
    """No file sets this bank's clock."""

    def __init__(self) -> None:
        super().__init__("the bank follows the machine's clock; start it with DIRECTPAY_CLOCK_FILE to set it")


class ClockGoesForward(Exception):
    """The clock was to be set to a time that it has passed."""

    def __init__(self) -> None:
        super().__init__("the clock goes forward only")


class WantedClock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a PUT asks for."""

    to: datetime | None = None
    step: bool = False
    speed: Annotated[float, Meta(ge=0)] | None = None


_wanted = msgspec.json.Decoder(WantedClock)


class BankClock:
    """The clock as callers see and set it. `next_dues` tell when something is next due at the bank."""

    def __init__(
        self, clock: Clock, path: Path | None, next_dues: Sequence[NextDue], hours: BankHours | None = None
    ) -> None:
        self._clock = clock
        self._path = path
        self._next_dues = next_dues
        self._hours = hours or BankHours()

    async def show(self) -> dict[str, Any]:
        """Return what the clock shows, for callers."""
        next_us, what = await self._next()
        setting = self._setting()
        now_us = self._now_us(setting)
        return {
            "now_us": now_us,
            "now": _text(now_us),
            "now_eastern": eastern(now_us).isoformat(),
            "speed": 1.0 if setting is None else setting.speed,
            "is_set": setting is not None,
            "set_by": None if setting is None else setting.set_by,
            "can_be_set": self._path is not None,
            "next_us": next_us,
            "next": _text(next_us),
            "next_eastern": eastern(next_us).isoformat(),
            "next_is": what,
        }

    async def set(self, wanted: WantedClock) -> None:
        """Set the clock, or raise ClockIsTheMachines, ClockGoesForward or BadRequest."""
        if self._path is None:
            raise ClockIsTheMachines
        next_us, _ = await self._next()
        # No other request comes between the reading and the writing.
        setting, system_us = self._setting(), self._clock.system_us()
        now_us = self._now_us(setting)
        at_us = next_us if wanted.step else _asked_us(wanted, now_us)
        if at_us < now_us:
            raise ClockGoesForward
        try:
            moved = Setting(
                set_by=SET_BY if setting is None else setting.set_by,
                from_us=now_us if setting is None else setting.from_us,
                at_us=at_us,
                since_us=system_us,
                speed=_speed(wanted, setting),
            )
        except ValueError as error:
            raise BadRequest(str(error)) from None
        write_setting(self._path, moved)

    def _setting(self) -> Setting | None:
        return None if self._path is None else read_setting(self._path)

    def _now_us(self, setting: Setting | None) -> int:
        """Return the time now. The clock itself may not have seen the newest setting yet."""
        shown_us = 0 if setting is None else setting.shows_us(self._clock.system_us())
        return max(self._clock.now_us(), shown_us)

    async def _next(self) -> tuple[int, str]:
        """Return what happens next, behind now, and what it is: something is due, or a window closes."""
        dues = [await next_due() for next_due in self._next_dues]
        now_us = self._now_us(self._setting())
        events = [(due_us, "due") for due_us in dues if due_us is not None and due_us > now_us]
        events += [(closes_us, "window_closes") for closes_us in self._window_ends(now_us)]
        return min(events)

    def _window_ends(self, now_us: int) -> Iterator[int]:
        for rail in sorted(ACH_RAILS):
            yield self._hours.window_at(rail, now_us + 1, Leg.DEBIT).closes_at_us


def read_wanted(body: bytes) -> WantedClock:
    """Return what a PUT asks for, or raise BadRequest."""
    wanted = understood(_wanted, body)
    if wanted.to is not None and wanted.to.tzinfo is None:
        raise BadRequest("to: must say its offset, as in 2026-12-01T08:30:00-05:00")
    if wanted.to is not None and wanted.step:
        raise BadRequest("give one of to and step")
    if wanted.to is None and not wanted.step and wanted.speed is None:
        raise BadRequest("give to, step or speed")
    return wanted


def _asked_us(wanted: WantedClock, now_us: int) -> int:
    return now_us if wanted.to is None else (wanted.to - EPOCH) // MICROSECOND


def _speed(wanted: WantedClock, setting: Setting | None) -> float:
    if wanted.speed is not None:
        return wanted.speed
    return 1.0 if setting is None else setting.speed


def _text(us: int) -> str:
    return (EPOCH + us * MICROSECOND).isoformat()
