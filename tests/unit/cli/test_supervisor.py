"""The supervisor on small real processes: each component here is a short Python program."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cli.local_stack.component import Component
from cli.local_stack.supervisor import Supervisor
from cli.local_stack.trouble import ComponentFailed, DiskFull

WAIT_S_MAX = 20.0

# Ready once it has written its file; ends on SIGTERM like a well-behaved process.
STEADY = """
    import pathlib, signal, sys
    pathlib.Path(sys.argv[1]).write_text("ready")
    signal.pause()
"""


class Lines:
    """What the supervisor said, readable while it goes on."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, line: str) -> None:
        self.said.append(line)

    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def supervisor(lines: Lines) -> Iterator[Supervisor]:
    running = Supervisor(say=lines, on_change=lambda: None)
    yield running
    running.stop()


def component(folder: Path, name: str, program: str = STEADY, **changes: object) -> Component:
    marker = folder / f"{name}.ready"
    fields: dict[str, object] = {
        "name": name,
        "kind": name.partition("-")[0],
        "argv": (sys.executable, "-c", textwrap.dedent(program), str(marker)),
        "env": {},
        "log_path": folder / f"{name}.log",
        "is_ready": marker.exists,
        "ready_s_max": WAIT_S_MAX,
        "prepare": lambda: marker.unlink(missing_ok=True),
        **changes,
    }
    return Component(**fields)  # type: ignore[arg-type]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_start_returns_when_every_component_is_ready(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([component(tmp_path, "kafka"), component(tmp_path, "postgres")])
    assert (tmp_path / "kafka.ready").exists()
    assert (tmp_path / "postgres.ready").exists()
    assert all(is_running(pid) for pid in supervisor.pids().values())
    assert set(supervisor.pids()) == {"kafka", "postgres"}


def test_a_killed_component_is_restarted_at_once(supervisor: Supervisor, tmp_path: Path, lines: Lines) -> None:
    supervisor.start([component(tmp_path, "stream-0")])
    former = supervisor.pids()["stream-0"]
    killed_at = time.monotonic()
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: "ready again" in lines.text())
    assert time.monotonic() - killed_at < 5.0
    assert supervisor.pids()["stream-0"] != former
    assert "stream-0 ended with SIGKILL" in lines.text()


def test_what_a_dead_component_left_in_its_group_is_ended_too(
    supervisor: Supervisor, tmp_path: Path, lines: Lines
) -> None:
    program = """
        import pathlib, signal, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        pathlib.Path(sys.argv[1] + ".child").write_text(str(child.pid))
        pathlib.Path(sys.argv[1]).write_text("ready")
        signal.pause()
    """
    supervisor.start([component(tmp_path, "api-0", program)])
    child = int((tmp_path / "api-0.ready.child").read_text())
    os.kill(supervisor.pids()["api-0"], signal.SIGKILL)
    wait_until(lambda: not is_running(child))


def test_one_that_never_comes_up_fails_the_start_with_the_end_of_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = "import sys; sys.exit('the port 1234 is taken')"
    with pytest.raises(ComponentFailed, match="the port 1234 is taken") as failure:
        supervisor.start([component(tmp_path, "kafka", program)])
    assert "exit code 1" in str(failure.value)
    assert str(tmp_path / "kafka.log") in str(failure.value)


def test_one_that_is_not_ready_in_its_time_is_ended_and_reported(supervisor: Supervisor, tmp_path: Path) -> None:
    stuck = component(tmp_path, "rails", "import signal; signal.pause()", ready_s_max=0.3)
    with pytest.raises(ComponentFailed, match="not ready within 0 s"):
        supervisor.start([stuck])
    assert supervisor.pids() == {}


def test_one_that_is_slow_and_gets_on_is_waited_for(supervisor: Supervisor, tmp_path: Path) -> None:
    """Reading a long log takes as long as it takes; what stands still for that time is ended."""
    program = """
        import pathlib, signal, sys, time
        ready = pathlib.Path(sys.argv[1])
        for number in range(12):
            ready.with_suffix(".read").write_text(str(number))
            time.sleep(0.1)
        ready.write_text("ready")
        signal.pause()
    """
    read = tmp_path / "rails.read"
    slow = component(tmp_path, "rails", program, ready_s_max=0.6, progress=lambda: read.exists() and read.read_text())
    supervisor.start([slow])
    assert is_running(supervisor.pids()["rails"])


def test_a_full_disk_is_called_by_its_name(supervisor: Supervisor, tmp_path: Path) -> None:
    program = "import sys; sys.exit('write failed: No space left on device')"
    with pytest.raises(DiskFull, match="--state-dir"):
        supervisor.start([component(tmp_path, "postgres", program)])


def test_what_an_earlier_run_said_about_the_disk_is_history(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "rails.log").write_text("write failed: No space left on device\n")
    with pytest.raises(ComponentFailed, match="went wrong") as failure:
        supervisor.start([component(tmp_path, "rails", "import sys; sys.exit('went wrong')")])
    assert "No space left" not in str(failure.value)


def test_one_whose_disk_fills_up_later_says_so_and_is_back_when_there_is_room(
    supervisor: Supervisor, tmp_path: Path, lines: Lines
) -> None:
    program = """
        import pathlib, signal, sys
        if pathlib.Path(sys.argv[1]).with_name("full").exists():
            sys.exit("write failed: No space left on device")
        pathlib.Path(sys.argv[1]).write_text("ready")
        signal.pause()
    """
    supervisor.start([component(tmp_path, "projector", program)])
    full = tmp_path / "full"
    full.touch()
    os.kill(supervisor.pids()["projector"], signal.SIGKILL)
    wait_until(lambda: "failure 2 in a row" in lines.text())
    assert "No space is left on the disk" in lines.text()
    full.unlink()
    wait_until(lambda: "projector is ready again" in lines.text())
    assert is_running(supervisor.pids()["projector"])


def test_one_that_keeps_dying_after_it_was_ready_is_restarted_with_backoff(
    supervisor: Supervisor, tmp_path: Path, lines: Lines
) -> None:
    program = """
        import pathlib, sys, time
        pathlib.Path(sys.argv[1]).write_text("ready")
        time.sleep(0.2)
        sys.exit("went wrong")
    """
    supervisor.start([component(tmp_path, "projector", program)])
    wait_until(lambda: "failure 2 in a row" in lines.text())
    first = next(line for line in lines.said if "went wrong" in line)
    assert "restarting it" in first


def test_stopped_on_purpose_stays_down_until_it_is_started(
    supervisor: Supervisor, tmp_path: Path, lines: Lines
) -> None:
    supervisor.start([component(tmp_path, "postgres")])
    former = supervisor.pids()["postgres"]
    supervisor.stop_one("postgres")
    assert supervisor.pids() == {}
    assert not is_running(former)
    assert "restarting" not in lines.text()
    supervisor.start_one("postgres")
    assert supervisor.pids()["postgres"] != former


def test_stop_ends_a_component_that_ignores_the_polite_signal(tmp_path: Path, lines: Lines) -> None:
    program = """
        import pathlib, signal, sys
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(sys.argv[1]).write_text("ready")
        while True:
            signal.pause()
    """
    supervisor = Supervisor(say=lines, on_change=lambda: None)
    supervisor.start([component(tmp_path, "stream-0", program, stop_s_max=0.3)])
    pid = supervisor.pids()["stream-0"]
    supervisor.stop()
    assert not is_running(pid)
    assert "stream-0 did not stop within 0 s: killed" in lines.text()


def test_stop_ends_the_newest_first(tmp_path: Path, lines: Lines) -> None:
    program = """
        import pathlib, signal, sys, time
        def leave(*_):
            with open(pathlib.Path(sys.argv[1]).parent / "order", "a") as order:
                order.write(pathlib.Path(sys.argv[1]).stem + " ")
            sys.exit(0)
        signal.signal(signal.SIGTERM, leave)
        pathlib.Path(sys.argv[1]).write_text("ready")
        signal.pause()
    """
    supervisor = Supervisor(say=lines, on_change=lambda: None)
    supervisor.start([component(tmp_path, "kafka", program)])
    supervisor.start([component(tmp_path, "stream-0", program)])
    supervisor.start([component(tmp_path, "api-0", program)])
    supervisor.stop()
    assert (tmp_path / "order").read_text().split() == ["api-0", "stream-0", "kafka"]


def test_kill_minus_nine_of_the_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    pid, children = start_in_another_process(tmp_path)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(child) for child in children))


def test_a_killed_warden_is_replaced_and_still_leaves_no_orphan(tmp_path: Path) -> None:
    pid, children = start_in_another_process(tmp_path)
    warden = next(each for each in psutil.Process(pid).children() if "warden.py" in " ".join(each.cmdline()))
    warden.kill()
    wait_until(
        lambda: not is_running(warden.pid)
    )  # On a busy machine it takes a moment, and hears what it cannot heed.
    os.kill(children[0], signal.SIGKILL)  # Its restart is the next news for the warden.
    wait_until(lambda: len([each for each in psutil.Process(pid).children() if is_running(each.pid)]) == 3)
    # The warden learns of a process right after its start: one that is ready is known.
    wait_until((tmp_path / "kafka.ready").exists)
    everyone = [each.pid for each in psutil.Process(pid).children()]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(child) for child in everyone))


def start_in_another_process(folder: Path) -> tuple[int, list[int]]:
    """Run a supervisor with two components in a process of its own; return its pid and theirs."""
    program = f"""
import sys, threading
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from cli.local_stack.supervisor import Supervisor
from tests.unit.cli.test_supervisor import component
folder = Path(sys.argv[1])
supervisor = Supervisor(say=lambda line: None, on_change=lambda: None)
supervisor.start([component(folder, "kafka"), component(folder, "stream-0")])
print(*supervisor.pids().values(), flush=True)
threading.Event().wait()
"""
    process = psutil.Popen([sys.executable, "-c", program, str(folder)], stdout=-1, text=True)
    try:
        line = process.stdout.readline()
    finally:
        process.stdout.close()
    # Reaped by a thread, so that no zombie of ours is left when the test kills it.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid, [int(pid) for pid in line.split()]
