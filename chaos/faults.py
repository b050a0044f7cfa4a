"""Faults carried out on the processes of a stack, and back: what was paused goes on, what was stopped is started."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from chaos.full_disk import fill
from chaos.schedule import Fault, FaultKind
from cli.local_stack.trouble import StackError

POLL_S = 0.1
# A component that another fault's repair is still starting; then this fault has nothing to hit.
RUNNING_S_MAX = 30.0
START_S_MAX = 150.0
# So much later it stays down, and what follows from that is told as well: a run must end.
GIVE_UP_S_MAX = 900.0
# Failures to start with everything else up: then it is not another fault's doing.
OWN_FAILURES_MAX = 2
GARBAGE_BYTES = 4096


class Stack(Protocol):
    """What faults need of a running stack (`cli.local_stack.stack.LocalStack`)."""

    @property
    def processes(self) -> dict[str, int]: ...

    def stop_component(self, name: str) -> None: ...

    def start_component(self, name: str) -> None: ...


class WouldNotStart(Exception):
    """A component did not start again, or only when the state was deleted that had been spoilt."""


class Faults:
    """Carries faults out, each in a thread of its caller; those on one component one after the other."""

    def __init__(
        self,
        stack: Stack,
        state: Callable[[str], Path],
        *,
        seed: int,
        start_s_max: float = START_S_MAX,
        give_up_s_max: float = GIVE_UP_S_MAX,
    ) -> None:
        self._stack = stack
        self._state = state
        self._start_s_max = start_s_max
        self._give_up_s_max = give_up_s_max
        self._chance = random.Random(f"garbage {seed}")
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._going_on = 0
        self._counting = threading.Lock()
        self._paused: list[psutil.Process] = []
        self._is_over = threading.Event()

    def perform(self, fault: Fault) -> float | None:
        """Carry one out; return when (monotonic) the component was free to work again, None when there was none.

        Raises WouldNotStart when it did not come up again, or only without its state.
        """
        with self._locks[fault.target]:
            with self._counting:
                self._going_on += 1
            try:
                return self._perform(fault)
            finally:
                with self._counting:
                    self._going_on -= 1

    def let_go(self) -> None:
        """Wake everything that is still paused, pause and start nothing more: the end of a run."""
        self._is_over.set()
        self._wake(list(self._paused))

    def _perform(self, fault: Fault) -> float | None:
        pid = self._running(fault.target)
        if pid is None:
            return None
        match fault.kind:
            case FaultKind.KILL:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return time.monotonic()
            case FaultKind.PAUSE:
                return self._pause(pid, fault.lasts_s)
            case FaultKind.FULL:
                can = fill(lambda: self._stack.processes.get(fault.target), fault.lasts_s)
                return time.monotonic() if can else None
            case FaultKind.STOP | FaultKind.LEAVE | FaultKind.WIPE | FaultKind.CORRUPT:
                return self._stop_and_start(fault)

    def _running(self, target: str) -> int | None:
        deadline = time.monotonic() + RUNNING_S_MAX
        while (pid := self._stack.processes.get(target)) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return pid

    def _pause(self, pid: int, lasts_s: float) -> float:
        paused: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            self._suspend(process, paused)
            # Postgres works in its children. It sleeps already, so it starts no more of them.
            for child in process.children(recursive=True):
                self._suspend(child, paused)
        self._is_over.wait(lasts_s)
        self._wake(paused)
        return time.monotonic()

    def _suspend(self, process: psutil.Process, paused: list[psutil.Process]) -> None:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
            paused.append(process)
            self._paused.append(process)

    def _wake(self, paused: list[psutil.Process]) -> None:
        for each in reversed(paused):
            with suppress(ValueError):  # Woken by `let_go` meanwhile; once more does no harm.
                self._paused.remove(each)
            with suppress(psutil.NoSuchProcess):
                each.resume()

    def _stop_and_start(self, fault: Fault) -> float:
        self._stack.stop_component(fault.target)
        folder = self._state(fault.target)
        if fault.kind is FaultKind.WIPE:
            wipe(folder)
        elif fault.kind is FaultKind.CORRUPT:
            corrupt(folder, self._chance)
        time.sleep(fault.lasts_s)
        began = time.monotonic()
        self._start(fault, folder)
        return began

    def _start(self, fault: Fault, folder: Path) -> None:
        deadline, own_failures = time.monotonic() + self._start_s_max, 0
        late: StackError | None = None
        spoilt: StackError | None = None
        while not self._is_over.is_set():
            try:
                self._stack.start_component(fault.target)
                break
            except StackError as error:
                self._stack.stop_component(fault.target)
                # While another part is down it may well not start; the broker and the database are such parts.
                own_failures += self._going_on == 1
                # Started however late: while it is down it is found guilty of everything that follows.
                if late is None and time.monotonic() > deadline:
                    late = error
                if time.monotonic() > deadline + self._give_up_s_max:
                    break
                # Only state that can be had again is deleted, and only where this fault has spoilt it.
                if fault.kind is FaultKind.CORRUPT and spoilt is None and own_failures > OWN_FAILURES_MAX:
                    spoilt = error
                    wipe(folder)
        if late is not None:
            raise WouldNotStart(f"it did not start within {self._start_s_max:g} s: {late}") from late
        if spoilt is not None:
            raise WouldNotStart(f"it started only without its state: {spoilt}") from spoilt


def wipe(folder: Path) -> None:
    """Empty a state directory; the directory itself stays, since processes are started in it."""
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


def corrupt(folder: Path, chance: random.Random) -> None:
    """Spoil every file of a state directory: garbage over some of it, or half of it cut off."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        size = path.stat().st_size
        with path.open("r+b") as file:
            if chance.random() < 0.3:
                file.truncate(size // 2)
            else:
                file.seek(chance.randrange(size) if size and chance.random() < 0.5 else 0)
                file.write(chance.randbytes(GARBAGE_BYTES))
