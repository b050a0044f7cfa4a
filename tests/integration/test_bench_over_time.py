"""The stages that take their time, in a small form: each goes through all of it, and tells every figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.backlog_stage import backlog_stage
from bench.end_to_end_stage import Measure
from bench.growth_stage import growth_stage
from bench.new_payments import Newcomers
from bench.own_system import OwnSystem
from bench.sustained_stage import sustained_stage

OF_THE_SYSTEM = {"api", "stream", "rails", "bank", "projector", "reconciler", "webhooks", "kafka", "postgres"}
SHORT = Measure(seconds=1.0, warm_up_s=0.5, batch=20, batch_connections=2, connections=8)

# Each starts a whole system, and fills or drains it.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_a_load_that_lasts_is_told_in_slices(tmp_path: Path) -> None:
    # Long enough a trial that the load does not run out of payments when Java has warmed up.
    figures = sustained_stage(OwnSystem, tmp_path, replace(SHORT, seconds=4.0), 21.0, lambda _: None)
    assert figures["seconds"] >= 21
    assert len(figures["finished_per_s"]) == figures["seconds"] // 10
    assert 0 < figures["slowest_per_s"] <= figures["fastest_per_s"]
    assert figures["payments"] == 20 * figures["answers"]["200"]
    for memory in ("resident_mib_by_kind_before", "resident_mib_by_kind"):
        assert all(figures[memory][kind] > 0 for kind in OF_THE_SYSTEM)
    assert set(figures["cpu_us_by_kind"]) == OF_THE_SYSTEM
    assert figures["disk_bytes"]["kafka"] > 0


def test_a_backlog_is_drained_and_new_payments_are_answered_meanwhile(tmp_path: Path) -> None:
    newcomers = Newcomers(rate=4.0, round_s=2.0)
    figures = backlog_stage(OwnSystem, tmp_path, 2000, SHORT, lambda _: None, newcomers)
    assert figures["commands"] >= 2000
    assert figures["new_payments"] == sum(figures["answers"].values()) > 0
    # Who does not wait is told 202; who does either that or the payment, and none is refused.
    assert set(figures["answers"]) <= {"201", "202"}
    assert all(latency["p50"] > 0 for latency in figures["latency_ms"].values())
    assert set(figures["resident_mib_by_kind"]) == OF_THE_SYSTEM
    assert sum(figures["cpu_us_by_kind"].values()) > 0


def test_the_same_phase_is_measured_with_few_and_with_many_payments_there(tmp_path: Path) -> None:
    figures = growth_stage(OwnSystem, tmp_path, 500, 2000, SHORT, lambda _: None)
    assert set(figures["cpu_us"]) == {"500", "2000"}
    assert all(cpu_us > 0 for cpu_us in figures["cpu_us"].values())
    assert set(figures["cpu_us_by_kind"]["2000"]) == OF_THE_SYSTEM
    assert len(figures["rounds"]["500"]) == len(figures["rounds"]["2000"]) == 4
