"""A latency that nobody sees is one that is averaged away: quantiles are values that were measured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bench.latency import latency_ms, quantile


def test_quantiles_of_a_hundred_values_are_their_ranks() -> None:
    ordered = list(range(1, 101))
    assert [quantile(ordered, share) for share in (0.01, 0.5, 0.95, 0.99, 1.0)] == [1, 50, 95, 99, 100]


@given(st.lists(st.integers(0, 10_000_000), min_size=1), st.floats(0.001, 1.0))
def test_a_quantile_is_the_smallest_value_that_its_share_does_not_exceed(values: list[int], share: float) -> None:
    found = quantile(sorted(values), share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_one_slow_answer_in_a_hundred_is_the_worst_and_not_the_median() -> None:
    told = latency_ms([1_000] * 99 + [2_000_000])
    assert told == {"p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 2000.0}


def test_no_answers_have_no_latencies() -> None:
    assert latency_ms([]) == {}
