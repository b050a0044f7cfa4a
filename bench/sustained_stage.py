"""The whole system under batches as fast as they are answered, for minutes: what it does is what it can go on doing.

What can be done for a moment only shows in the slices of 10 s, in the memory that grows, and in the drain at the end.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.end_to_end_stage import WARM_UP_BATCHES, Make, Measure, Say, enough, require_right, running
from bench.judge import RunDoesNotCount
from bench.over_time import SLICE_S
from bench.phase import Bench, Phase

# Payments are made beforehand: what it took in seconds says better than a warm-up how many that are, and all of them
# are in memory.
HEADROOM = 2.0


def sustained_stage(make: Make, folder: Path, measure: Measure, lasting_s: float, say: Say) -> dict[str, Any]:
    """Return the figures of `lasting_s` seconds of batches, until all are terminal; raises RunDoesNotCount."""
    connections = measure.batch_connections
    system = make(folder / "system")
    with running(system, say):
        bench = Bench(system, folder)
        batches = partial(bench.batches, size=measure.batch, connections=connections)
        warm = batches(WARM_UP_BATCHES, seconds=measure.warm_up_s)
        tried = batches(enough(warm, measure.seconds, connections), seconds=measure.seconds)
        say(f"{system.name}: {tried.payments_per_s} payments/s in {measure.seconds:.0f} s; now for {lasting_s:.0f} s")
        phase = batches(enough(tried, lasting_s, connections, headroom=HEADROOM), seconds=lasting_s)
        if phase.seconds - phase.drain_s < lasting_s - 0.1:
            raise RunDoesNotCount(f"{phase.payments} payments were not enough for {lasting_s:.0f} s")
        require_right(system, bench.accepted, say)
    figures = {"slice_s": SLICE_S, **steadiness(phase), **asdict(phase)}
    say(
        f"{system.name}, sustained: {phase.payments_per_s} payments/s for {phase.seconds} s, slices of {SLICE_S:.0f} s "
        f"from {figures['slowest_per_s']} to {figures['fastest_per_s']}, {phase.cpu_us} us of CPU a payment"
    )
    return figures


def steadiness(phase: Phase) -> dict[str, float]:
    """Return the slowest and the fastest slice, and how the last half compares with the first (1: as fast)."""
    slices = phase.finished_per_s
    half = (len(slices) + 1) // 2
    first, last = slices[:half], slices[-half:]
    return {
        "slowest_per_s": min(slices),
        "fastest_per_s": max(slices),
        "last_half_to_first": round(sum(last) / sum(first), 2) if sum(first) else 0.0,
    }
