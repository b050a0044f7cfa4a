"""Faults as callers ask for them: what they may ask, and what the simulated bank keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from business_clock import Clock
from payments.rails import ACH_RAILS, SECOND_US
from payments.windows import BankHours, Leg
from rails.nacha.return_codes import RETURN_REASONS
from rails.simulated.ach.file_books import FileBooks
from rails.simulated.ach.file_counter import BooksThread
from rails.simulated.ach.injected_faults import FaultKind, Outages
from rails.simulated.app import BadRequest, understood

OUTAGE_S_MAX = 7 * 86_400
HOURS = BankHours()


class NoSuchFault(Exception):
    """No fault has this number."""

    def __init__(self) -> None:
        super().__init__("no fault has this number")


class WantedFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a POST asks for."""

    fault: FaultKind
    next: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    reference: Annotated[str, Meta(min_length=1, max_length=15)] | None = None
    code: str | None = None
    for_s: Annotated[float, Meta(gt=0, le=OUTAGE_S_MAX)] | None = None
    at_cut_off: bool = False


_wanted = msgspec.json.Decoder(WantedFault)


class FaultDesk:
    """Sets faults, and knows whether the bank is to be reached. `run` works in the books' thread."""

    def __init__(self, books: FileBooks, clock: Clock, run: BooksThread) -> None:
        self._books = books
        self._clock = clock
        self._run = run
        self._outages = books.outages()

    def outages(self) -> Outages:
        """Return when the bank is not to be reached."""
        return self._outages

    def is_out(self) -> bool:
        return self._outages.end_us(self._clock.now_us()) is not None

    async def set(self, wanted: WantedFault) -> dict[str, Any]:
        """Have a fault happen, and return it as it is kept."""
        row = fault_row(wanted, now_us=self._clock.now_us())
        fault_id = await self._change(partial(self._books.set_fault, row))
        return {"fault_id": fault_id, **row}

    async def remove(self, fault_id: int) -> None:
        """Have it not happen any more, or raise NoSuchFault."""
        if not await self._change(partial(self._books.remove_fault, fault_id)):
            raise NoSuchFault

    async def faults(self, limit: int) -> list[dict[str, Any]]:
        return await self._run(partial(self._books.faults, limit))

    async def _change(self, work: Callable[[], Any]) -> Any:
        changed = await self._run(work)
        self._outages = await self._run(self._books.outages)
        return changed


def read_wanted(body: bytes) -> WantedFault:
    """Return what a POST asks for, or raise BadRequest."""
    wanted = understood(_wanted, body)
    if wanted.fault is FaultKind.OUTAGE:
        if wanted.for_s is None or wanted.next or wanted.reference or wanted.code:
            raise BadRequest("an outage has for_s, and maybe at_cut_off")
        return wanted
    if wanted.for_s is not None or wanted.at_cut_off:
        raise BadRequest("for_s and at_cut_off are of an outage")
    if (wanted.next is None) is (wanted.reference is None):
        raise BadRequest("give one of next and reference")
    if wanted.code is not None and (wanted.fault is not FaultKind.LATE_RETURN or wanted.code not in RETURN_REASONS):
        raise BadRequest("code: must be a return code, R01 to R36, of a late_return")
    return wanted


def fault_row(wanted: WantedFault, *, now_us: int) -> dict[str, Any]:
    """Return a fault as the books keep it."""
    from_us = until_us = None
    if wanted.fault is FaultKind.OUTAGE:
        assert wanted.for_s is not None
        from_us, until_us = _span(wanted.for_s, now_us, at_cut_off=wanted.at_cut_off)
    is_of_entries = wanted.fault is not FaultKind.OUTAGE
    return {
        "kind": wanted.fault.value,
        "reference": wanted.reference,
        "entries_left": (wanted.next or 1) if is_of_entries else 0,
        "code": wanted.code,
        "from_us": from_us,
        "until_us": until_us,
        "set_at_us": now_us,
    }


def _span(for_s: float, now_us: int, *, at_cut_off: bool) -> tuple[int, int]:
    for_us = int(for_s * SECOND_US)
    if not at_cut_off:
        return now_us, now_us + for_us
    closes_us = min(HOURS.window_at(rail, now_us, Leg.DEBIT).closes_at_us for rail in ACH_RAILS)
    return max(now_us, closes_us - for_us // 2), closes_us + for_us // 2
