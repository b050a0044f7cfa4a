"""The plots in docs are those of the figures beside them, byte for byte, and every stage's plots can be drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.plots import PLOTS, main, plot

FIGURES = Path(__file__).parents[3] / "docs" / "figures"
SVG = "{http://www.w3.org/2000/svg}"
# Small enough to be read over in a diff, and by a browser on a train.
BYTES_MAX = 40_000


def test_the_plots_in_docs_are_made_of_the_figures_there(tmp_path: Path) -> None:
    main(sorted(FIGURES.glob("*.json")), tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in FIGURES.glob("*.svg")}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []


def test_no_two_files_of_figures_hold_the_same_stage() -> None:
    stages = [stage for path in FIGURES.glob("*.json") for stage in json.loads(path.read_text()) if stage in PLOTS]
    assert len(stages) == len(set(stages))


def test_other_figures_make_another_plot(tmp_path: Path) -> None:
    figures = json.loads((FIGURES / "memory.json").read_text())
    (path,) = plot(figures, tmp_path)
    before = path.read_bytes()
    figures["memory"]["resident_mib_1000000"]["restored"] += 50
    plot(figures, tmp_path)
    assert path.read_bytes() != before


OVER_TIME: dict[str, Any] = {
    "sustained": {"slice_s": 10.0, "seconds": 34.5, "finished_per_s": [3001.0, 3102.0, 2987.0]},
    "backlog": {
        "slice_s": 10.0,
        "seconds": 24.5,
        "finished_per_s": [1200.0, 2900.0],
        "resident_mib": {"s": [0.1, 5.2, 10.1], "mib": {"kafka": [250, 290, 300], "stream": [0, 160, 171]}},
    },
    "growth": {"cpu_us_by_kind": {"100000": {"kafka": 90.0, "api": 20.5}, "5000000": {"kafka": 95.0, "api": 21.0}}},
}


@pytest.mark.parametrize("stage", OVER_TIME)
def test_stages_over_time_are_drawn_with_their_words_as_text(stage: str, tmp_path: Path) -> None:
    (path,) = plot({stage: OVER_TIME[stage]}, tmp_path)
    words = {each.text for each in ET.parse(path).iter(f"{SVG}text")}
    expected = {"sustained": "payments/s, in slices of 10 s", "backlog": "resident MiB", "growth": "5,000,000 there"}
    assert expected[stage] in words
    assert path.stat().st_size < BYTES_MAX


def test_plots_in_docs_are_small() -> None:
    assert all(path.stat().st_size < BYTES_MAX for path in FIGURES.glob("*.svg"))
