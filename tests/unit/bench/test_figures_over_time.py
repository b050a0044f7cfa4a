"""A rate in slices loses no payment, and memory is compared behind its beginning."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.over_time import SLICE_S, memory_figures, memory_series, rates
from bench.phase import Phase
from bench.sustained_stage import steadiness


def test_a_steady_flow_is_the_same_in_every_slice_and_the_rest_is_of_the_last() -> None:
    seen = [(100.0 + second, 50 * second) for second in range(36)]
    assert rates(seen, 100.0, 135.0) == [50.0, 50.0, 50.0]


def test_a_standstill_shows_in_its_slice() -> None:
    seen = [(0.0, 7), (10.0, 107), (20.0, 107), (30.0, 207)]
    assert rates(seen, 0.0, 30.0) == [10.0, 0.0, 10.0]


def test_what_is_shorter_than_a_slice_is_one() -> None:
    assert rates([(0.0, 0), (4.0, 20)], 0.0, 4.0) == [5.0]


@given(
    st.lists(st.tuples(st.floats(0.1, 5.0), st.integers(0, 500)), min_size=1, max_size=100),
)
def test_the_slices_together_are_all_that_came(looks: list[tuple[float, int]]) -> None:
    seen = [(0.0, 3)]
    for after_s, more in looks:
        seen.append((seen[-1][0] + after_s, seen[-1][1] + more))
    ended_s = seen[-1][0]
    found = rates(seen, 0.0, ended_s)
    edges = [*(number * SLICE_S for number in range(len(found))), ended_s]
    lengths = [end - begin for begin, end in pairwise(edges)]
    total = sum(rate * length for rate, length in zip(found, lengths, strict=True))
    assert total == pytest.approx(seen[-1][1] - 3, abs=0.05 * ended_s + 0.01)


def test_memory_grows_from_the_quarter_not_from_the_start() -> None:
    samples = [(5.0 * number, {"stream": mib}) for number, mib in enumerate((40, 100, 130, 90, 110))]
    assert memory_figures(samples) == {
        "stream": {"min": 40, "max": 130, "quarter": 100, "half": 130, "end": 110, "growth_percent": 10.0}
    }


def test_a_process_that_came_later_is_compared_with_nothing() -> None:
    samples = [
        (0.0, {"api": 80}),
        (5.0, {"api": 81}),
        (10.0, {"api": 82, "stream": 50}),
        (15.0, {"api": 82, "stream": 60}),
    ]
    assert memory_figures(samples)["stream"]["growth_percent"] == 0.0
    assert memory_figures(samples)["stream"]["min"] == 50
    assert memory_series(samples, 0.0) == {
        "s": [0.0, 5.0, 10.0, 15.0],
        "mib": {"api": [80, 81, 82, 82], "stream": [0, 0, 50, 60]},
    }


def test_a_load_that_slows_down_is_told() -> None:
    phase = cast(Phase, SimpleNamespace(finished_per_s=[100.0, 100.0, 60.0, 40.0]))
    assert steadiness(phase) == {"slowest_per_s": 40.0, "fastest_per_s": 100.0, "last_half_to_first": 0.5}
