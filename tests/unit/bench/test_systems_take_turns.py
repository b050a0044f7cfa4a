"""Contestants take turns there and back, and ratios are of one run's turns."""

from __future__ import annotations

from bench.turns import ratio_median, ratio_worst, there_and_back


def test_turns_go_there_and_back() -> None:
    assert there_and_back(["a", "b", "c"]) == ["a", "b", "c", "c", "b", "a"]
    assert there_and_back(["a"]) == ["a"]


def test_the_worst_ratio_sets_our_slowest_turn_against_their_fastest() -> None:
    assert (ratio_median([400, 600], [50, 50]), ratio_worst([400, 600], [40, 50])) == (10.0, 8.0)
