"""The bank's clock as callers see and set it."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest

from business_clock import SettableClock, Setting, SystemClock, read_setting, system_us, write_setting
from payments.windows import EASTERN, instant_us
from rails.simulated.app import BadRequest
from rails.simulated.bank_clock import BankClock, ClockGoesForward, ClockIsTheMachines, WantedClock, read_wanted
from tests.unit.rails.ach.originator_in_hand import in_a_loop
from tests.unit.rails.ach.written_log import at_us

MONDAY = at_us("2026-11-30 09:10")
STEP = WantedClock(step=True)


class Dues:
    """When something is next due at the bank."""

    def __init__(self, *at: int) -> None:
        self.at = list(at)

    async def __call__(self) -> int | None:
        return min(self.at, default=None)


def standing_at(folder: Path, us: int, dues: Dues, speed: float = 0) -> BankClock:
    path = folder / "clock.json"
    write_setting(path, Setting(set_by="a test", from_us=us, at_us=us, since_us=system_us(), speed=speed))
    return BankClock(SettableClock(path), path, (dues, Dues()))


@in_a_loop
async def test_it_steps_to_what_is_due_and_to_the_ends_of_windows(tmp_path: Path) -> None:
    dues = Dues(at_us("2026-11-30 13:00"))
    bank_clock = standing_at(tmp_path, MONDAY, dues)
    shown = []
    for _ in range(5):
        await bank_clock.set(STEP)
        now = await bank_clock.show()
        shown.append(now["now_us"])
    assert shown == [
        at_us("2026-11-30 10:30"),
        at_us("2026-11-30 13:00"),
        at_us("2026-11-30 14:45"),
        at_us("2026-11-30 16:45"),
        instant_us(date(2026, 12, 1), time(0, 0)) - 1,
    ]


@in_a_loop
async def test_what_is_due_now_or_was_due_is_not_what_comes_next(tmp_path: Path) -> None:
    bank_clock = standing_at(tmp_path, MONDAY, Dues(MONDAY))
    shown = await bank_clock.show()
    assert (shown["next_us"], shown["next_is"]) == (at_us("2026-11-30 10:30"), "window_closes")
    bank_clock = standing_at(tmp_path, MONDAY, Dues(MONDAY + 1))
    shown = await bank_clock.show()
    assert (shown["next_us"], shown["next_is"]) == (MONDAY + 1, "due")


@in_a_loop
async def test_it_is_set_forward_only_within_one_run(tmp_path: Path) -> None:
    bank_clock = standing_at(tmp_path, MONDAY, Dues())
    await bank_clock.set(WantedClock(to=datetime(2026, 12, 1, 8, 30, tzinfo=EASTERN)))
    with pytest.raises(ClockGoesForward):
        await bank_clock.set(WantedClock(to=datetime(2026, 12, 1, 8, 29, tzinfo=EASTERN)))
    setting = read_setting(tmp_path / "clock.json")
    assert setting is not None
    assert (setting.at_us, setting.from_us, setting.set_by) == (at_us("2026-12-01 08:30"), MONDAY, "a test")
    assert setting.speed == 0


@in_a_loop
async def test_a_new_speed_leaves_the_time_as_it_is(tmp_path: Path) -> None:
    bank_clock = standing_at(tmp_path, MONDAY, Dues())
    await bank_clock.set(WantedClock(speed=0.5))
    shown = await bank_clock.show()
    assert shown["speed"] == 0.5
    assert 0 <= shown["now_us"] - MONDAY < 300_000_000
    with pytest.raises(BadRequest):
        await bank_clock.set(WantedClock(speed=1e9))


@in_a_loop
async def test_setting_it_begins_a_run_where_no_file_was(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    bank_clock = BankClock(SettableClock(path), path, ())
    before_us = system_us()
    assert (await bank_clock.show())["is_set"] is False
    await bank_clock.set(WantedClock(to=datetime(2090, 1, 1, tzinfo=EASTERN), speed=0))
    setting = read_setting(path)
    assert setting is not None
    assert before_us <= setting.from_us <= system_us()
    assert (await bank_clock.show())["now_us"] == at_us("2090-01-01 00:00")


@in_a_loop
async def test_the_machines_clock_is_shown_and_not_set() -> None:
    bank_clock = BankClock(SystemClock(), None, (Dues(),))
    shown = await bank_clock.show()
    assert (shown["speed"], shown["can_be_set"]) == (1.0, False)
    with pytest.raises(ClockIsTheMachines):
        await bank_clock.set(STEP)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"step": false}',
        b'{"to": "2026-12-01T08:30:00"}',
        b'{"to": "2026-12-01T08:30:00-05:00", "step": true}',
        b'{"to": "tomorrow"}',
        b'{"speed": -1}',
        b'{"speed": 1, "more": 1}',
    ],
)
def test_a_wish_that_is_not_clear_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_wanted(body)


def test_a_wish_may_have_a_speed_beside_a_time() -> None:
    assert read_wanted(b'{"to": "2026-12-01T08:30:00-05:00", "speed": 60}') == WantedClock(
        to=datetime(2026, 12, 1, 8, 30, tzinfo=EASTERN), speed=60
    )
