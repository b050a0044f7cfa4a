"""The watchdog ends a worker that is alive and useless, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stream_app.exactly_once.watchdog import Bounds, Facts, Watch

BOUNDS = Bounds(ready_s=60, stuck_s=30, pause_s=7)
WELL = Facts(crashed=None, pulse_at=0, is_ready=True, progress=0)


def verdicts(history: Sequence[tuple[float, Facts]]) -> list[str | None]:
    watch = Watch(BOUNDS, 0.0)
    return [watch.judge(replace(facts, pulse_at=max(facts.pulse_at, now - 1)), now) for now, facts in history]


def behind(lag: int, position: int) -> Facts:
    return replace(WELL, behind={"commands-0": lag}, decided={"commands-0": position})


def test_a_ready_worker_with_nothing_to_do_lives() -> None:
    assert verdicts([(now, WELL) for now in range(0, 1000, 10)]) == [None] * 100


def test_a_worker_that_is_never_ready_ends() -> None:
    unready = replace(WELL, is_ready=False)
    assert verdicts([(1, unready), (59, unready), (62, unready)]) == [None, None, "not_ready"]


def test_a_restore_that_advances_may_take_longer() -> None:
    history = [(now, replace(WELL, is_ready=False, progress=now)) for now in range(0, 600, 20)]
    assert set(verdicts(history)) == {None}


def test_a_worker_that_stops_being_ready_has_the_whole_bound_again() -> None:
    unready = replace(WELL, is_ready=False)
    assert verdicts([(1, WELL), (100, WELL), (101, unready), (150, unready), (162, unready)])[-2:] == [
        None,
        "not_ready",
    ]


def test_lag_without_a_decision_ends_the_worker() -> None:
    [*before, last] = verdicts([(10, behind(5, 7)), (39, behind(9, 7)), (41, behind(9, 7))])
    assert before == [None, None]
    assert last is not None
    assert last.startswith("stuck: commands-0")


def test_lag_that_is_worked_off_is_no_reason() -> None:
    assert set(verdicts([(now, behind(1000 - now, now)) for now in range(0, 200, 20)])) == {None}


def test_a_lane_that_caught_up_in_between_starts_anew() -> None:
    assert verdicts([(10, behind(5, 7)), (30, behind(0, 7)), (41, behind(5, 7))]) == [None, None, None]


def test_a_loop_that_does_not_run_ends_the_process() -> None:
    watch = Watch(BOUNDS, 0.0)
    assert watch.judge(replace(WELL, pulse_at=10), 16) is None
    assert watch.judge(replace(WELL, pulse_at=10), 18) == "paused"


def test_a_crash_that_faust_only_noted_ends_the_process() -> None:
    assert verdicts([(1, replace(WELL, crashed=RuntimeError("consumer")))]) == ["crashed"]
