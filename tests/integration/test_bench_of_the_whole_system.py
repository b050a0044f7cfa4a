"""The whole system is measured from HTTP to Postgres, all processes of it, and judged by what callers were told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.end_to_end_stage import Measure, end_to_end_stage
from bench.own_system import OwnSystem

# Minutes of a machine, for what is measured and not for what is promised.
pytestmark = pytest.mark.long

OF_THE_SYSTEM = {"api", "stream", "rails", "bank", "projector", "reconciler", "webhooks", "kafka", "postgres"}
SHORT = Measure(seconds=1.0, warm_up_s=0.5, rate=50.0, batch=20, batch_connections=2, connections=8)


def test_every_payment_of_a_short_run_is_finished_counted_and_judged(tmp_path: Path) -> None:
    figures = end_to_end_stage([OwnSystem], tmp_path, SHORT, lambda _: None)
    (turn,) = figures["turns"]
    phases = turn["phases"]
    assert set(phases) == {"batch", "single", "single_at_rate", "single_at_rate_async"}
    for phase in phases.values():
        assert set(phase["cpu_us_by_kind"]) == OF_THE_SYSTEM
        assert phase["cpu_us"] > 0
        assert phase["not_accepted"] == 0
        assert phase["payments_per_s"] > 0
        assert phase["latency_ms"]["p50"] <= phase["latency_ms"]["p99"] <= phase["latency_ms"]["max"]
    assert all(phases["single"]["resident_mib_by_kind"][kind] > 0 for kind in OF_THE_SYSTEM)
    assert phases["batch"]["payments"] == 20 * phases["batch"]["answers"]["200"]
    # Who does not wait for the outcome is never told one.
    assert set(phases["single_at_rate_async"]["answers"]) == {"202"}
    assert phases["single_at_rate"]["payments"] == sum(phases["single_at_rate"]["answers"].values())
