from __future__ import annotations

from pathlib import Path

import pytest

from bench.judge import RunDoesNotCount
from bench.nacha_stage import nacha_stage
from rails.nacha.reader import read_records


def test_a_file_is_written_and_read_and_both_are_measured(tmp_path: Path) -> None:
    said: list[str] = []
    figures = nacha_stage(tmp_path, 2_000, said.append)
    assert {"write_entries_per_s", "read_entries_per_s"} <= set(figures)
    assert all(0 < peak < 500 for step in ("write", "read") for peak in figures[f"{step}_peak_mib"].values())
    assert len(said) == 2
    with (tmp_path / "many.ach").open("rb") as file:
        assert sum(1 for _ in read_records(file)) == 2_000 + 4


def test_a_step_that_fails_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(RunDoesNotCount):
        nacha_stage(tmp_path / "no such folder", 100, lambda _: None)
