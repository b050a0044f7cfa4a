"""Faults on real processes: each does what it says, and leaves the process able to work."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from chaos.faults import OWN_FAILURES_MAX, Faults, WouldNotStart
from chaos.schedule import Fault, FaultKind
from cli.local_stack.trouble import StackError

WAIT_S_MAX = 10.0
# Its child ends with it: nobody else can close the pipe.
SLEEP = "import subprocess; subprocess.Popen(['cat'], stdin=subprocess.PIPE).wait()"


class Sleeper:
    """A stack of one process that sleeps; with `needs_sound_state` it does not start on a state that was changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.needs_sound_state = False
        self.failing_starts = 0
        self.start_component("rails")

    @property
    def processes(self) -> dict[str, int]:
        return {} if self.process is None else {"rails": self.process.pid}

    def stop_component(self, name: str) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT_S_MAX)
            self.process = None

    def start_component(self, name: str) -> None:
        self.starts += 1
        state = self.folder / "state"
        if self.failing_starts:
            self.failing_starts -= 1
            raise StackError("rails was not ready.", "Look at its log.")
        if self.needs_sound_state and state.exists() and state.read_bytes() != b"sound":
            raise StackError("rails was not ready.", "Look at its log.")
        self.process = subprocess.Popen([sys.executable, "-c", SLEEP])


@contextmanager
def sleeper(
    folder: Path, *, start_s_max: float = WAIT_S_MAX, give_up_s_max: float = WAIT_S_MAX
) -> Iterator[tuple[Sleeper, Faults]]:
    (folder / "state").write_bytes(b"sound")
    stack = Sleeper(folder)
    faults = Faults(stack, lambda _: folder, seed=1, start_s_max=start_s_max, give_up_s_max=give_up_s_max)
    try:
        yield stack, faults
    finally:
        faults.let_go()
        stack.stop_component("rails")


def fault(kind: FaultKind, *, lasts_s: float = 0.0) -> Fault:
    return Fault(number=0, at_s=0, kind=kind, target="rails", lasts_s=lasts_s)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def file_size_limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_FSIZE)[0]


def test_a_kill_is_a_kill_9(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        assert stack.process is not None
        faults.perform(fault(FaultKind.KILL))
        assert stack.process.wait(WAIT_S_MAX) == -signal.SIGKILL


def test_a_paused_process_sleeps_and_wakes(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        assert stack.process is not None
        process = psutil.Process(stack.process.pid)
        thread = threading.Thread(target=faults.perform, args=[fault(FaultKind.PAUSE, lasts_s=0.5)])
        thread.start()
        wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
        thread.join(WAIT_S_MAX)
        assert process.status() != psutil.STATUS_STOPPED


def test_a_pause_is_a_pause_of_its_children_too(tmp_path: Path) -> None:
    """Postgres' backends go on working while only their parent sleeps."""
    with sleeper(tmp_path) as (stack, faults):
        assert stack.process is not None
        process = psutil.Process(stack.process.pid)
        wait_for(lambda: bool(process.children()))
        (child,) = process.children()
        thread = threading.Thread(target=faults.perform, args=[fault(FaultKind.PAUSE, lasts_s=60)])
        thread.start()
        wait_for(lambda: child.status() == psutil.STATUS_STOPPED)
        faults.let_go()
        wait_for(lambda: child.status() != psutil.STATUS_STOPPED)
        thread.join(WAIT_S_MAX)
        assert not thread.is_alive()


def test_on_a_full_disk_no_file_grows_until_there_is_room_again(tmp_path: Path) -> None:
    """Also not those of a process that is started meanwhile."""
    with sleeper(tmp_path) as (stack, faults):
        thread = threading.Thread(target=faults.perform, args=[fault(FaultKind.FULL, lasts_s=3.0)])
        thread.start()
        for _ in range(2):
            assert stack.process is not None
            pid = stack.process.pid
            wait_for(lambda pid=pid: file_size_limit(pid) == 0)  # type: ignore[misc]
            stack.stop_component("rails")
            stack.start_component("rails")
        thread.join(WAIT_S_MAX)
        assert stack.process is not None
        assert file_size_limit(stack.process.pid) == file_size_limit(os.getpid())


@pytest.mark.parametrize("kind", [FaultKind.STOP, FaultKind.LEAVE])
def test_a_stopped_process_is_started_again_with_its_state(tmp_path: Path, kind: FaultKind) -> None:
    with sleeper(tmp_path) as (stack, faults):
        before = stack.processes
        faults.perform(fault(kind))
        assert stack.processes != before
        assert stack.processes
        assert (tmp_path / "state").read_bytes() == b"sound"


def test_wiped_state_is_gone(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        faults.perform(fault(FaultKind.WIPE))
        assert not (tmp_path / "state").exists()
        assert stack.processes


def test_a_process_that_cannot_start_with_corrupted_state_is_told_of_and_started_without(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        stack.needs_sound_state = True
        with pytest.raises(WouldNotStart):
            faults.perform(fault(FaultKind.CORRUPT))
        assert stack.processes, "the run goes on"
        assert not (tmp_path / "state").exists()


def test_one_that_starts_too_late_is_told_of_and_runs(tmp_path: Path) -> None:
    with sleeper(tmp_path, start_s_max=0) as (stack, faults):
        stack.failing_starts = 3
        with pytest.raises(WouldNotStart, match="within 0 s"):
            faults.perform(fault(FaultKind.STOP))
        assert stack.processes, "what comes after is not its doing"


def test_one_that_never_starts_is_given_up_and_told_of(tmp_path: Path) -> None:
    with sleeper(tmp_path, start_s_max=0, give_up_s_max=0) as (stack, faults):
        stack.failing_starts = sys.maxsize
        with pytest.raises(WouldNotStart):
            faults.perform(fault(FaultKind.STOP))


def test_state_that_was_not_spoilt_is_never_deleted(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        (tmp_path / "state").write_bytes(b"the books")
        stack.needs_sound_state = True
        trying = threading.Thread(target=lambda: faults.perform(fault(FaultKind.STOP)))
        trying.start()
        wait_for(lambda: stack.starts > 2 * OWN_FAILURES_MAX)
        assert (tmp_path / "state").read_bytes() == b"the books"
        stack.needs_sound_state = False
        trying.join(WAIT_S_MAX)
        assert stack.processes


def test_one_that_copes_with_corrupted_state_is_not_accused(tmp_path: Path) -> None:
    with sleeper(tmp_path) as (stack, faults):
        assert faults.perform(fault(FaultKind.CORRUPT)) is not None
        assert (tmp_path / "state").read_bytes() != b"sound"
        assert stack.starts == 2
