"""What a process uses, read from /proc; and what the machine and its Python are."""

from __future__ import annotations

import os
import platform
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.process_times import families, read
from schemas import plain_avro

TICK_S = 1 / os.sysconf("SC_CLK_TCK")  # CPU time is counted in these.


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`load_before` is the load average of a minute when the run began: above 0.5, others were at work as well.
    `compiled`: rules and wire codec are C (hatch_build.py), not interpreted."""

    cores: int
    load_before: float
    python: str
    optimised_python: bool
    compiled: bool


def machine() -> Machine:
    return Machine(
        cores=os.cpu_count() or 1,
        load_before=round(os.getloadavg()[0], 1),
        python=platform.python_version(),
        # A Python built without profile-guided optimisation is 1.2 to 1.7 times slower.
        optimised_python="--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
        compiled=not str(plain_avro.__file__).endswith(".py"),
    )


def cpu_s(pid: int | None) -> float:
    """Return the CPU seconds that a process has used, in user and in kernel mode; 0 for one that is not ours."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def family_cpu_s(pid: int | None) -> float:
    """Return the CPU seconds of a process and of all that it started, ended ones included; 0 for one not ours."""
    if pid is None:
        return 0.0
    return sum(reading.ticks for each in families([pid]) if (reading := read(each)) is not None) * TICK_S


def resident_mib(pid: int) -> int:
    """Return the memory that a process has in RAM, shared pages included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def peak_resident_mib(pid: int) -> int:
    """Return the most memory that a process has had in RAM since its program started."""
    # Not getrusage: its peak is inherited from the process that started this one.
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak_kib = next(line for line in lines if line.startswith("VmHWM:")).split()[1]
    return int(peak_kib) // 1024


def bytes_on_disk(folder: Path) -> int:
    """Return what the files under a folder take: blocks, since some are made longer than they are filled."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # A server renames and deletes files of its own meanwhile.
                total += Path(place, name).stat().st_blocks * 512
    return total
