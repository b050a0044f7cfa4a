"""A backlog: commands that wait on Kafka are drained by the whole system, while new payments come and are answered.

The API takes the commands with `Prefer: respond-async` while everything behind the log is down. Then all of it starts,
and new payments are asked for at a low rate: half of the callers wait for the outcome, which stands behind the backlog,
so that they are told 202 when the bound of that wait is over; the others are told 202 at once. When all is drained each
new payment is asked for once more, by its id, and must be completed.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from bench.end_to_end_stage import ASYNC, Measure, Say, require_right, running
from bench.new_payments import Newcomers, NewPayments
from bench.over_time import SLICE_S, memory_figures, memory_series, rates
from bench.own_system import MakeOurs
from bench.part_stages import BEHIND_THE_LOG, FILL_S_MAX
from bench.phase import Bench, Watch

MEMORY_EVERY_S = 5.0
# Commands of one load while the backlog is made: what is in memory of them at a time.
FILL_PAYMENTS = 100_000


def backlog_stage(
    make: MakeOurs, folder: Path, commands: int, measure: Measure, say: Say, newcomers: Newcomers | None = None
) -> dict[str, Any]:
    """Return the figures of a drain; raises RunDoesNotCount when a new payment has no answer, or anything is wrong."""
    system = make(folder / "directpay")
    with running(system, say):
        for kind in BEHIND_THE_LOG:
            system.stack.stop_component(kind)
        bench = Bench(system, folder, to_the_end=False)
        waiting = _fill(bench, commands, measure, say)
        asked = NewPayments(system, bench, folder, newcomers or Newcomers())
        before = system.finished()
        with Watch(system, memory_every_s=MEMORY_EVERY_S) as watch:
            began_s = time.monotonic()
            for kind in reversed(BEHIND_THE_LOG):
                system.stack.start_component(kind)
            ready_s = time.monotonic() - began_s
            asked.for_a_round()
            while watch.reached(before + waiting) is None:
                say(f"backlog: {watch.seen[-1][1] - before} of {waiting} drained, {asked.told} to new payments")
                asked.for_a_round()
            ended_s = watch.wait(before + bench.accepted)
        asked.require_completed()
        require_right(system, bench.accepted, say)
    seconds, drained = ended_s - began_s, bench.accepted
    say(f"backlog: {drained / seconds:.0f} payments/s")
    return {
        "commands": waiting,
        "new_payments": drained - waiting,
        "seconds": round(seconds, 1),
        "ready_s": round(ready_s, 1),
        "payments_per_s": round(drained / seconds, 1),
        "slice_s": SLICE_S,
        "finished_per_s": rates(watch.seen, began_s, ended_s),
        "cpu_us_by_kind": {kind: round(cpu_s / drained * 1e6, 1) for kind, cpu_s in watch.cpu_s.items()},
        "resident_mib_by_kind": memory_figures(watch.memory),
        "resident_mib": memory_series(watch.memory, began_s),
        **asked.figures(),
    }


def _fill(bench: Bench, commands: int, measure: Measure, say: Say) -> int:
    """Return how many commands the API took: at least as many as were asked for."""
    batches = partial(bench.batches, size=measure.batch, connections=measure.batch_connections, headers=ASYNC)
    while (left := commands - bench.accepted) > 0:
        requests = -(-min(left, FILL_PAYMENTS) // measure.batch)
        batches(requests, seconds=FILL_S_MAX)
        say(f"backlog: {bench.accepted} of {commands} commands wait")
    return bench.accepted
