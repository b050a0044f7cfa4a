"""Who may set a stack's clock, and how far a year has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from business_clock import Setting, read_setting, system_us, write_setting
from cli.demo_year.clock_hand import ClockHand
from cli.demo_year.data_set import DataSet, microseconds
from cli.demo_year.progress_file import Progress, ProgressFile
from cli.demo_year.trouble import CannotBegin

DATA = DataSet(seed=1, payments=100, months=12, until=datetime(2026, 11, 27, 10, tzinfo=UTC))


def test_the_clock_is_stepped_forward_and_handed_back(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    hand = ClockHand(path, DATA)
    assert not hand.require_free()
    for to, shown in (
        (DATA.start, DATA.start),
        (DATA.start + timedelta(days=3), DATA.start + timedelta(days=3)),
        (DATA.start + timedelta(days=2), DATA.start + timedelta(days=3)),
    ):
        hand.step(to)
        setting = read_setting(path)
        assert setting is not None
        assert (setting.at_us, setting.from_us, setting.speed) == (microseconds(shown), microseconds(DATA.start), 0)
    assert ClockHand(path, DATA).require_free(), "an earlier run of the same year has left it: it goes on"
    hand.hand_back()
    assert read_setting(path) is None


def test_a_clock_that_somebody_else_has_set_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    start_us = microseconds(DATA.start)
    write_setting(path, Setting(set_by="a test", from_us=start_us, at_us=start_us, since_us=system_us()))
    with pytest.raises(CannotBegin, match="set by a test"):
        ClockHand(path, DATA).require_free()
    path.write_text("{")
    with pytest.raises(CannotBegin, match=r"clock\.json does not set the business clock"):
        ClockHand(path, DATA).require_free()


def test_the_progress_of_each_year_is_found_again(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path)
    assert file.of(DATA.name) is None
    progress = file.save(DATA, Progress(until=DATA.until, is_furnished=True))
    assert file.sent(DATA, progress, 500).sent == 500
    other = DataSet(seed=2, payments=100, months=12, until=DATA.until)
    file.save(other, Progress(until=other.until, is_done=True))
    with pytest.raises(CannotBegin, match="Another"):
        ProgressFile(tmp_path)
    file.close()
    again = ProgressFile(tmp_path)
    assert again.of(DATA.name) == Progress(until=DATA.until, is_furnished=True, sent=500)
    assert again.of(other.name) == Progress(until=other.until, is_done=True)
    again.close()
