"""What a process used counts with what its children used, also when these have ended."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.usage import cpu_s, family_cpu_s

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_children_count_while_they_run_and_when_they_have_ended() -> None:
    own = os.getpid()
    before_s = family_cpu_s(own)
    alone_s = cpu_s(own)
    child = subprocess.Popen([sys.executable, "-S", "-c", f"{BURN}\nprint(1, flush=True)\ninput()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()
    running_s = family_cpu_s(own) - before_s
    child.communicate(b"\n")
    ended_s = family_cpu_s(own) - before_s
    assert running_s >= 0.25
    assert ended_s >= running_s
    assert cpu_s(own) - alone_s < running_s
    assert family_cpu_s(None) == 0
