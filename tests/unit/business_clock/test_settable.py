"""The business clock: the machine's, until a file sets it."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from business_clock import (
    LOOK_S,
    ClockUnreadable,
    SettableClock,
    Setting,
    SystemClock,
    clock_of,
    read_setting,
    remove_setting,
    write_setting,
)

DAY_US = 86_400_000_000
MARCH_US = 1_772_323_200_000_000  # 2026-03-01
TODAY_US = MARCH_US + 270 * DAY_US


class Machine:
    """The machine's two clocks, in the test's hand."""

    def __init__(self) -> None:
        self.us = TODAY_US
        self.monotonic_s = 5.0

    def passes(self, seconds: float) -> None:
        self.us += int(seconds * 1_000_000)
        self.monotonic_s += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def clock_at(path: Path, machine: Machine) -> SettableClock:
    return SettableClock(path, system_us=lambda: machine.us, monotonic_s=lambda: machine.monotonic_s)


def standing(at_us: int, *, from_us: int = MARCH_US) -> Setting:
    return Setting(set_by="a test", from_us=from_us, at_us=at_us, since_us=TODAY_US)


def test_without_a_file_it_is_the_machines_clock(path: Path, machine: Machine) -> None:
    clock = clock_at(path, machine)
    assert clock.now_us() == TODAY_US
    assert clock.dated_us(MARCH_US) == TODAY_US
    assert clock.ahead_us(7) == TODAY_US + 7
    assert clock.wait_s(TODAY_US + 1_500_000) == 1.5
    assert clock.wait_s(MARCH_US) == 0
    assert isinstance(clock_of(None), SystemClock)


def test_a_clock_that_stands_is_stepped_by_whoever_writes_the_file(path: Path, machine: Machine) -> None:
    clock = clock_at(path, machine)
    write_setting(path, standing(MARCH_US))
    machine.passes(LOOK_S)
    assert clock.now_us() == MARCH_US
    machine.passes(100)
    assert clock.now_us() == MARCH_US
    assert clock.ahead_us(10**9) == MARCH_US
    assert clock.wait_s(MARCH_US + 1) is None
    write_setting(path, standing(MARCH_US + DAY_US))
    machine.passes(LOOK_S)
    assert clock.now_us() == MARCH_US + DAY_US
    assert clock.wait_s(MARCH_US + 1) == 0
    remove_setting(path)
    machine.passes(LOOK_S)
    assert clock.now_us() == machine.us


def test_a_clock_that_runs_fast_is_as_fast_as_it_is_told(path: Path, machine: Machine) -> None:
    write_setting(path, Setting(set_by="a test", from_us=MARCH_US, at_us=MARCH_US, since_us=TODAY_US, speed=1000))
    clock = clock_at(path, machine)
    machine.passes(2)
    assert clock.now_us() == MARCH_US + 2_000_000_000
    assert clock.ahead_us(1_000_000) == MARCH_US + 3_000_000_000
    assert clock.wait_s(MARCH_US + 3_000_000_000) == 1.0


def test_what_was_due_in_the_run_is_dated_when_it_was_due(path: Path, machine: Machine) -> None:
    write_setting(path, standing(MARCH_US + 10 * DAY_US))
    clock = clock_at(path, machine)
    assert clock.dated_us(MARCH_US + 3 * DAY_US) == MARCH_US + 3 * DAY_US
    assert clock.dated_us(MARCH_US - DAY_US) == MARCH_US, "not before the run began"
    assert clock.dated_us(TODAY_US) == MARCH_US + 10 * DAY_US, "not after now"


def test_within_a_run_it_goes_forward_only(path: Path, machine: Machine) -> None:
    write_setting(path, standing(MARCH_US + 5 * DAY_US))
    clock = clock_at(path, machine)
    assert clock.now_us() == MARCH_US + 5 * DAY_US
    write_setting(path, standing(MARCH_US + 2 * DAY_US))
    machine.passes(LOOK_S)
    assert clock.now_us() == MARCH_US + 5 * DAY_US
    write_setting(path, standing(MARCH_US + 2 * DAY_US, from_us=MARCH_US + DAY_US))
    machine.passes(LOOK_S)
    assert clock.now_us() == MARCH_US + 2 * DAY_US, "another run may begin anywhere"


def test_the_machines_clock_set_back_does_not_set_it_back(path: Path, machine: Machine) -> None:
    clock = clock_at(path, machine)
    assert clock.now_us() == TODAY_US
    machine.us -= 1_000_000
    assert clock.now_us() == TODAY_US


def test_the_file_is_looked_at_seldom_but_no_call_misses_a_setting_for_long(path: Path, machine: Machine) -> None:
    clock = clock_at(path, machine)
    write_setting(path, standing(MARCH_US))
    machine.passes(LOOK_S * 0.9)
    assert clock.now_us() == machine.us
    machine.passes(LOOK_S * 0.2)
    assert clock.now_us() == MARCH_US


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "truncated"),
        ('{"set_by": "x"}', "from_us"),
        ('{"set_by": "x", "from_us": 1, "at_us": 1, "since_us": 1}', "microseconds"),
        (f'{{"set_by": "x", "from_us": {MARCH_US}, "at_us": {MARCH_US - 1}, "since_us": {MARCH_US}}}', "before from"),
        (f'{{"set_by": "", "from_us": {MARCH_US}, "at_us": {MARCH_US}, "since_us": {MARCH_US}}}', "set_by"),
        (
            f'{{"set_by": "x", "from_us": {MARCH_US}, "at_us": {MARCH_US}, "since_us": {MARCH_US}, "speed": -1}}',
            "speed",
        ),
    ],
)
def test_a_file_that_sets_no_clock_is_complained_of_until_it_is_mended(
    path: Path, machine: Machine, text: str, why: str
) -> None:
    clock = clock_at(path, machine)
    path.write_text(text)
    for _ in range(2):
        machine.passes(LOOK_S)
        with pytest.raises(ClockUnreadable, match=why) as told:
            clock.now_us()
        assert str(path) in str(told.value)
    write_setting(path, standing(MARCH_US))
    machine.passes(LOOK_S)
    assert clock.now_us() == MARCH_US


def test_who_waits_for_a_time_hears_that_the_clock_was_set(path: Path) -> None:
    async def go() -> None:
        clock = SettableClock(path)
        heard = asyncio.Event()
        watching = asyncio.create_task(clock.watch(heard.set))
        for change in (partial(write_setting, path, standing(MARCH_US)), partial(remove_setting, path)):
            change()
            await asyncio.wait_for(heard.wait(), 10)
            heard.clear()
        watching.cancel()

    asyncio.run(go())


@given(
    at_us=st.integers(MARCH_US, TODAY_US),
    since_us=st.integers(MARCH_US, TODAY_US),
    speed=st.floats(0, 1e6),
    by=st.integers(MARCH_US, TODAY_US),
)
def test_a_setting_shows_no_time_before_its_own_and_is_read_as_written(
    at_us: int, since_us: int, speed: float, by: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    setting = Setting(set_by="ä", from_us=MARCH_US, at_us=at_us, since_us=since_us, speed=speed)
    assert setting.shows_us(by) >= at_us
    assert setting.shows_us(by + 1_000_000) >= setting.shows_us(by)
    path = tmp_path_factory.getbasetemp() / f"clock-{os.getpid()}.json"
    write_setting(path, setting)
    assert read_setting(path) == setting
