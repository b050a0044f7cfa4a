"""Formats are compared only when each says all of a payment: what is written is read as the payment that it was."""

from __future__ import annotations

import pytest

from bench.codec_stage import FORMATS, Format, codec_stage, figures_of, history
from bench.inputs import lives
from bench.judge import expected_events


@pytest.mark.parametrize("format_", FORMATS, ids=lambda each: each.name)
def test_every_snapshot_is_read_as_it_was_written(format_: Format) -> None:
    (life,) = lives("formats", 1)
    steps = list(history(life))
    assert [len(payment.transitions) for payment, _ in steps] == [1, 2, 3]
    for payment, before in steps:
        assert format_.read(format_.write(payment, before)) == payment


def test_ours_is_what_stands_on_the_topic() -> None:
    (life,) = lives("formats", 1)
    assert [FORMATS[0].write(*step) for step in history(life)] == list(expected_events(life))


def test_best_and_median_are_of_the_rounds() -> None:
    assert figures_of([3.0, 1.04, 2.0]) == {"best": 1.0, "median": 2.0}


def test_the_stage_tells_of_every_format() -> None:
    said: list[str] = []
    figures = codec_stage(said.append, payments=2, rounds=2)
    for each in FORMATS:
        assert figures[each.name]["bytes"] > 0
        assert 0 < figures[each.name]["read_us"]["best"] <= figures[each.name]["read_us"]["median"]
    assert len(said) == len(FORMATS)
