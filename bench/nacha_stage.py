"""Nacha files: how fast one is written and read, and that neither takes more memory for a larger one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.judge import RunDoesNotCount
from bench.nacha_process import FEW_SHARE, Step

Say = Callable[[str], None]

# Twice the memory for ten times the entries would be a leak; what Python keeps back for itself is far less.
GROWTH_MAX = 1.25


def nacha_stage(folder: Path, entries: int, say: Say) -> dict[str, Any]:
    """Return entries/s of writing and of reading a file of so many entries, and peak memory beside a tenth of them.

    Each step is a process of its own, so that its peak is its own.
    """
    few = max(entries // FEW_SHARE, 1)
    figures: dict[str, Any] = {"entries": entries}
    for step in Step:
        small = _run(step, folder / "few.ach", few)
        large = _run(step, folder / "many.ach", entries)
        figures[f"{step}_entries_per_s"] = round(entries / large["seconds"])
        figures[f"{step}_cpu_us_per_entry"] = round(1_000_000 * large["cpu_s"] / entries, 1)
        figures[f"{step}_peak_mib"] = {few: small["peak_mib"], entries: large["peak_mib"]}
        say(f"{step}: {figures[f'{step}_entries_per_s']:,} entries/s, peak {large['peak_mib']} MiB")
        if large["peak_mib"] > GROWTH_MAX * small["peak_mib"]:
            raise RunDoesNotCount(
                f"{step}: {small['peak_mib']} MiB for {few} entries, {large['peak_mib']} for {entries}"
            )
    figures["file_mib"] = round((folder / "many.ach").stat().st_size / 2**20, 1)
    return figures


def _run(step: Step, path: Path, entries: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.nacha_process", step, str(path), str(entries)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RunDoesNotCount(f"{step} of {entries} entries: {ended.stderr.strip()}")
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures
