"""A busy worker's fetches gather; who comes to a quiet one is fetched at once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stream_app.exactly_once.fetch_pace import BUSY_S_MAX, GATHER_BYTES, GATHER_MS, FetchPace

GATHER_S = GATHER_MS / 1000


def after(fetches: Iterable[tuple[float, int]]) -> FetchPace:
    """Return the pace after fetches, each with its time and how many records it brought."""
    pace = FetchPace()
    for at, records in fetches:
        pace.fetched(records, at)
    return pace


@pytest.mark.parametrize(
    "fetches",
    [
        [],
        [(0.0, 1)],
        [(0.0, 500)],
        [(0.0, 1), (2 * BUSY_S_MAX, 1)],
        [(0.0, 0), (1.0, 0)],
    ],
)
def test_a_quiet_workers_next_fetch_is_answered_as_soon_as_anything_is_there(fetches: list[tuple[float, int]]) -> None:
    assert after(fetches).bytes_min == 1


def test_fetches_gather_when_they_come_close_together_and_as_long_as_that_brings_more_than_one_record() -> None:
    pace = after([(0.0, 1), (BUSY_S_MAX / 2, 1)])
    assert (pace.bytes_min, pace.wait_ms) == (GATHER_BYTES, GATHER_MS)
    for number in range(1, 4):
        pace.fetched(2, GATHER_S * (number + 0.5))
        assert pace.bytes_min == GATHER_BYTES
    pace.fetched(1, GATHER_S * 4.5)
    assert pace.bytes_min == 1


def test_a_fetch_that_brought_nothing_ends_the_gathering() -> None:
    pace = after([(0.0, 9), (BUSY_S_MAX / 2, 9), (1.0, 0)])
    assert pace.bytes_min == 1
