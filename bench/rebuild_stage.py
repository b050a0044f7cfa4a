"""The rebuild stage: payments in three records each, projected, and then made anew by `directpay rebuild`.

The command runs in processes of its own, as an operator starts it, while somebody reads the views. Afterwards every row
must be what the projector had made of the log, record after record.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.broker import PARTITIONS, Broker
from bench.judge import STEPS, RunDoesNotCount
from bench.postgres import postgres
from bench.projected_log import Say, projected, write_steps
from bench.row_hashes import row_hashes
from bench.usage import family_cpu_s
from bench.view_reader import ViewReader
from kafka_log.topics_admin import apply_topics

PAYMENTS_A_LEASE = 12  # A year's rents.
# How reads are answered before, to compare with.
AT_REST_S = 10.0
RUN_S_MAX = 3600.0
_SAID = re.compile(r"Rebuilt from ([\d,]+) records: ([\d,]+) transitions in ([\d.]+) s")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One rebuild. `took_s` is from its start to the swap, `command_s` all of the command, readers waited for."""

    transitions: int
    took_s: float
    command_s: float
    python_cpu_s: float


def rebuild_stage(broker: Broker, folder: Path, payments: int, say: Say) -> dict[str, Any]:
    """Return transitions/s of a rebuild, what it costs, and how reads were answered meanwhile."""
    apply_topics(broker.bootstrap, PARTITIONS)
    say(f"writing the {STEPS * payments:,} records of {payments:,} payments")
    write_steps(broker.bootstrap, payments, leases=max(payments // PAYMENTS_A_LEASE, 1))
    with postgres(folder) as database:
        uri, projected_per_s = projected(broker, database, STEPS * payments, say)
        rows = row_hashes(uri)
        with ViewReader(uri, payments) as at_rest:
            threading.Event().wait(AT_REST_S)
        kafka_cpu_s, postgres_cpu_s = family_cpu_s(broker.pid), family_cpu_s(database.pid)
        with ViewReader(uri, payments) as meanwhile:
            run = _rebuild(broker.bootstrap, uri)
        kafka_cpu_s = family_cpu_s(broker.pid) - kafka_cpu_s
        postgres_cpu_s = family_cpu_s(database.pid) - postgres_cpu_s - meanwhile.postgres_cpu_s
        rebuilt_rows = row_hashes(uri)
    if differing := [table for table in rows if rebuilt_rows[table] != rows[table]]:
        raise RunDoesNotCount(f"the rows of {', '.join(differing)} are not what was projected")
    if run.transitions != STEPS * payments or meanwhile.faults:
        raise RunDoesNotCount(f"{run.transitions} transitions were rebuilt; reads failed: {meanwhile.faults[:3]}")
    say(f"rebuild: {run.transitions / run.took_s:,.0f} transitions/s")
    return {
        "payments": payments,
        "transitions": run.transitions,
        "projected_per_s": round(projected_per_s),
        "rebuild_per_s": round(run.transitions / run.took_s),
        "rebuild_s": run.took_s,
        "command_s": round(run.command_s, 1),
        "python_cpu_s": round(run.python_cpu_s, 1),
        "postgres_cpu_s": round(postgres_cpu_s, 1),
        "kafka_cpu_s": round(kafka_cpu_s, 1),
        "cpu_us_a_transition": round((run.python_cpu_s + postgres_cpu_s) / run.transitions * 1e6, 1),
        "rows": {table: rows[table].count for table in rows},
        "rows_equal": True,
        "reads_at_rest": at_rest.figures(),
        "reads_meanwhile": meanwhile.figures(),
    }


def _rebuild(bootstrap: str, uri: str) -> _Run:
    began, cpu_before_s = time.monotonic(), _children_cpu_s()
    command = subprocess.run(
        [sys.executable, "-m", "cli.main", "rebuild"],
        env={**os.environ, "DIRECTPAY_KAFKA": bootstrap, "DIRECTPAY_POSTGRES": uri},
        stdout=subprocess.PIPE,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    said = _SAID.search(command.stdout)
    if command.returncode or said is None:
        raise RunDoesNotCount(f"directpay rebuild ended with {command.returncode}: {command.stdout}")
    return _Run(
        transitions=int(said[2].replace(",", "")),
        took_s=float(said[3]),
        command_s=time.monotonic() - began,
        python_cpu_s=_children_cpu_s() - cpu_before_s,
    )


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
