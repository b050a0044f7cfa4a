"""CPU time and memory of a system's processes by kind, from /proc; what ended meanwhile is in the sum."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_WORD = re.compile(r"[a-z][a-z_]*", re.ASCII)
ANY_PYTHON = "python"
# Programs that are known by another name than their file's.
_NAMES = {"java": "kafka", "redis-server": "redis"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a process; `ticks` holds its own CPU time and that of its children that ended and were waited for."""

    parent: int
    started: int
    ticks: int


def read(pid: int) -> Reading | None:
    """Return what /proc says of a process, None when it is gone."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Reading(parent=int(fields[1]), started=int(fields[19]), ticks=sum(map(int, fields[11:15])))


def families(roots: Iterable[int]) -> list[int]:
    """Return these processes and all their descendants that live now."""
    children = defaultdict(list)
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (reading := read(int(entry.name))) is not None:
            children[reading.parent].append(int(entry.name))
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children[pid]
    return found


class ProcessTimes:
    """The CPU seconds of the processes that `pids` names, by kind; look often enough to see every process once.

    A process that ends passes its time on to the parent that waits for it: the sum over those that live, each with its
    ended children, loses nothing. Only one whose parent is not of the system would be lost; its last reading is kept.
    """

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self._live: dict[int, Reading] = {}
        self._kinds: dict[int, str] = {}
        self._gone_ticks: dict[str, int] = defaultdict(int)

    def look(self) -> None:
        """Read every process that lives now."""
        readings = {pid: read(pid) for pid in {*self._pids(), *self._live}}
        live = {pid: reading for pid, reading in readings.items() if reading is not None}
        for pid, last in self._live.items():
            is_gone = pid not in live or live[pid].started != last.started
            if is_gone and last.parent not in live:
                self._gone_ticks[self._kinds[pid]] += last.ticks
        new = [pid for pid in live if pid not in self._live or self._live[pid].started != live[pid].started]
        self._kinds.update({pid: kind_of(pid) for pid in new})
        # What Python runs for another of its processes has no name of its own: a worker of uvicorn's is uvicorn.
        for pid in sorted(new, key=lambda pid: live[pid].started):
            if self._kinds[pid] == ANY_PYTHON:
                self._kinds[pid] = self._kinds.get(live[pid].parent, ANY_PYTHON)
        self._live = live

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds by kind as of the last look, of a system's whole life; differences are what counts."""
        ticks = defaultdict(int, self._gone_ticks)
        for pid, reading in self._live.items():
            ticks[self._kinds[pid]] += reading.ticks
        return {kind: value / _TICKS_A_SECOND for kind, value in ticks.items()}

    def resident_mib(self) -> dict[str, int]:
        """Return the memory by kind; what several processes share is counted once."""
        kib: dict[str, int] = defaultdict(int)
        for pid in self._live:
            kib[self._kinds[pid]] += _proportional_kib(pid)
        return {kind: value // 1024 for kind, value in kib.items()}


def kind_of(pid: int) -> str:
    """Return what sort of process this is, by its command line."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        words = [""]
    return kind_of_words(words)


def kind_of_words(words: Sequence[str]) -> str:
    """Return the kind that a command line tells: of Python what it runs, of others the program.

    `python -m cli.main api` is `api`, `python sink.py` is `sink`, `postgres: walwriter` is `postgres`.
    """
    # Servers such as Postgres and Celery write a title in place of their arguments: "postgres: walwriter".
    program = Path(words[0].split()[0].rstrip(":")).name if words[0].strip() else "unknown"
    if not program.startswith(ANY_PYTHON):
        return _NAMES.get(program, program)
    for place, word in enumerate(words[1:], start=1):
        following = [*words[place + 1 :], ""]
        if word == "-c":
            break
        if word == "-m":
            return following[1] if _WORD.fullmatch(following[1]) else following[0].rpartition(".")[2]
        if word and not word.startswith("-"):
            return following[0] if _WORD.fullmatch(following[0]) else Path(word).stem
    return ANY_PYTHON


def _proportional_kib(pid: int) -> int:
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass  # It has just ended.
    return 0
