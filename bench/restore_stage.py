"""Restore: how fast a worker without state reads a topic of snapshots, and how soon one with its state is ready.

Seconds are from the start of the process, Python's own start included, until it is ready to decide.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.broker import PARTITIONS, Broker
from bench.contestants import OURS, Say
from bench.judge import STEPS, RunDoesNotCount
from bench.snapshots import Snapshots
from bench.stream_stage import decide_payments
from bench.usage import resident_mib
from bench.worker_process import WorkerProcess

DECIDED = 5_000
# Completed, with their whole history; a pending one is half as large.
STEPS_OF_RESTORED = 3
STEPS_OF_SMALLEST = 1


def restore_stage(broker: Broker, folder: Path, payments: int, say: Say) -> dict[str, Any]:
    """Return records/s of a restore from nothing, and seconds until ready with an intact state."""
    OURS.create_topics(broker.bootstrap)
    _write(broker, Snapshots(steps=STEPS_OF_RESTORED), range(payments), say)
    worker = OURS.worker(broker.bootstrap, folder)
    try:
        nothing_s = worker.start().wait_ready()
        require_restored(worker.restored(), payments)
        say(f"from nothing: {payments / nothing_s:.0f} records/s")
        worker.stop()
        intact_s = worker.start().wait_ready()
        require_restored(worker.restored(), 0)
        worker.kill()
        killed_s = worker.start().wait_ready()
        say(f"with its state: ready in {intact_s:.1f} s after a stop, in {killed_s:.1f} s after kill -9")
        worker.stop()
    finally:
        worker.kill()
    return {
        "restored_payments": payments,
        "restore_s": round(nothing_s, 1),
        "restore_records_per_s": round(payments / nothing_s),
        "ready_with_state_s": round(intact_s, 1),
        "ready_after_kill_s": round(killed_s, 1),
    }


def require_restored(records: int, expected: int) -> None:
    """Raise RunDoesNotCount when a worker read more or less than the topic has behind its state."""
    if records != expected:
        raise RunDoesNotCount(f"{records} records were restored, not {expected}")


def memory_stage(broker: Broker, folder: Path, few: int, many: int, say: Say) -> dict[str, Any]:
    """Return a worker's resident memory with few and with many payments: restored, deciding others, started again."""
    OURS.create_topics(broker.bootstrap)
    snapshots = Snapshots(steps=STEPS_OF_SMALLEST)
    figures: dict[str, Any] = {}
    written = decided = 0
    for count in (few, many):
        _write(broker, snapshots, range(written, count), say)
        written = count
        shutil.rmtree(folder / OURS.group, ignore_errors=True)
        worker = OURS.worker(broker.bootstrap, folder)
        try:
            worker.start().wait_ready()
            require_restored(worker.restored(), count + STEPS * decided)
            figures[f"resident_mib_{count}"] = _resident(broker, worker)
            decided += 2 * DECIDED
            say(f"{count} payments: {figures[f'resident_mib_{count}']} MiB resident")
            worker.stop()
        finally:
            worker.kill()
    small, large = figures[f"resident_mib_{few}"], figures[f"resident_mib_{many}"]
    growth = {when: round(100 * (large[when] / small[when] - 1), 1) for when in small}
    return {**figures, "resident_growth_percent": growth}


def _resident(broker: Broker, worker: WorkerProcess) -> dict[str, int]:
    restored = resident_mib(worker.pid)
    decide_payments(broker, OURS, worker, DECIDED)
    decided = resident_mib(worker.pid)
    # What a restore leaves behind in the process is gone after a restart: the rest is the state's own.
    worker.stop()
    worker.start().wait_ready()
    decide_payments(broker, OURS, worker, DECIDED)
    return {"restored": restored, "decided": decided, "restarted": resident_mib(worker.pid)}


def _write(broker: Broker, snapshots: Snapshots, numbers: range, say: Callable[[str], None]) -> None:
    for written in snapshots.write(broker.bootstrap, numbers, PARTITIONS):
        say(f"{written} of {len(numbers)} snapshots written")
