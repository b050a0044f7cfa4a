"""The CPU time of a system is that of all its processes, also of those that have ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.process_times import ProcessTimes, families, kind_of_words

BURN_S = 0.3
# A parent that, at each line, starts a child that uses BURN_S of CPU, and says when it has waited for it.
PARENT = f"""
import subprocess, sys
burn = "import time\\nwhile time.process_time() < {BURN_S}: pass"
for _ in sys.stdin:
    subprocess.run([sys.executable, "-S", "-c", burn], check=True)
    print("done", flush=True)
"""
# One whose child goes on alone: it is not waited for by anybody of the family.
DAEMON = f"""
import os, sys, time
child = os.fork()
if child:
    print(child, flush=True)
    os._exit(0)
sys.stdin.readline()
end = time.process_time() + {BURN_S}
while time.process_time() < end: pass
print("burnt", flush=True)
sys.stdin.readline()
"""


@contextmanager
def program(text: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    return process.stdout.readline()


def test_a_child_that_has_ended_is_in_the_sum() -> None:
    with program(PARENT) as parent:
        times = ProcessTimes(lambda: families([parent.pid]))
        times.look()
        before = sum(times.cpu_s().values())
        assert tell(parent, "go\n") == "done\n"
        times.look()
        assert sum(times.cpu_s().values()) - before >= BURN_S * 0.9


def test_a_child_that_was_seen_while_it_lived_is_counted_once() -> None:
    with program(PARENT) as parent:
        times = ProcessTimes(lambda: families([parent.pid]))
        times.look()
        assert parent.stdin is not None
        parent.stdin.write("go\n")
        parent.stdin.flush()
        while len(families([parent.pid])) == 1:
            pass
        while len(families([parent.pid])) > 1:
            times.look()
        assert parent.stdout is not None
        assert parent.stdout.readline() == "done\n"
        times.look()
        used = sum(times.cpu_s().values())
        again = ProcessTimes(lambda: families([parent.pid]))
        again.look()
        assert used == pytest.approx(sum(again.cpu_s().values()), abs=0.05)


def test_a_process_that_nobody_of_the_system_waits_for_keeps_its_last_reading() -> None:
    with program(DAEMON) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        times = ProcessTimes(lambda: [child])
        assert tell(starter, "burn\n") == "burnt\n"
        times.look()
        seen = sum(times.cpu_s().values())
        assert seen >= BURN_S * 0.9
        tell(starter, "end\n")
        while os.path.exists(f"/proc/{child}"):  # noqa: PTH110
            times.look()
        times.look()
        assert sum(times.cpu_s().values()) >= seen


def test_a_child_without_a_name_is_of_its_parents_kind(tmp_path: Path) -> None:
    (tmp_path / "relay.py").write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, "-S", str(tmp_path / "relay.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        times = ProcessTimes(lambda: families([parent.pid]))
        times.look()
        assert parent.stdin is not None
        parent.stdin.write("go\n")
        parent.stdin.flush()
        while len(families([parent.pid])) == 1:
            pass
        times.look()
        parent.stdin.close()
        assert set(times.cpu_s()) == {"relay"}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["/venv/bin/python3", "-m", "cli.main", "api"], "api"),
        (["/venv/bin/python", "-m", "bench.peers.some.worker", '{"a": 1}'], "worker"),
        (["/venv/bin/python", "-m", "uvicorn", "app:app"], "uvicorn"),
        (["/venv/bin/python", "-m", "celery", "-A", "tasks", "worker"], "celery"),
        (["/venv/bin/python", "/peer/app.py", "sink"], "sink"),
        (["/venv/bin/python", "-u", "/peer/sink.py", "--fast"], "sink"),
        (["/venv/bin/python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()"], "python"),
        (["/venv/bin/python"], "python"),
        (["/jre/bin/java", "-Xmx512m", "kafka.Kafka"], "kafka"),
        (["/pg/bin/postgres", "-D", "cluster"], "postgres"),
        (["postgres: directpay directpay 127.0.0.1(4711) idle"], "postgres"),
        (["redis-server 127.0.0.1:6379", ""], "redis"),
        ([""], "unknown"),
    ],
)
def test_a_command_line_tells_the_kind(words: list[str], kind: str) -> None:
    assert kind_of_words(words) == kind
