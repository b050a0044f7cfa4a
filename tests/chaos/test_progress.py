"""A run waits for its end as long as something moves towards it, and not longer."""

from __future__ import annotations

from chaos.progress import STANDSTILL_S_MAX, Progress


class Now:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_a_backlog_that_shrinks_is_waited_for_however_long_it_takes() -> None:
    now = Now()
    progress = Progress(now)
    for still_open in range(1000, 0, -1):
        progress.note(1000, still_open)
        now.s += STANDSTILL_S_MAX - 1
        assert not progress.has_ceased()


def test_payments_that_still_come_in_are_progress() -> None:
    now = Now()
    progress = Progress(now)
    for total in range(100):
        progress.note(total, total)
        now.s += STANDSTILL_S_MAX - 1
        assert not progress.has_ceased()


def test_what_stands_still_or_goes_to_and_fro_ends_the_wait() -> None:
    now = Now()
    progress = Progress(now)
    for still_open in (5, 6, 5, 6, 5):
        progress.note(10, still_open)
        now.s += STANDSTILL_S_MAX / 4
    assert progress.has_ceased()
    assert progress.still_open == 5


def test_a_database_that_is_down_says_nothing() -> None:
    now = Now()
    progress = Progress(now)
    progress.note(10, 5)
    progress.note(-1, -1)
    assert progress.still_open == 5
    now.s += STANDSTILL_S_MAX + 1
    assert progress.has_ceased()
