"""Keeps components running: starts them, waits until they are ready, restarts one that dies, stops all in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from cli.local_stack import warden as warden_program
from cli.local_stack.component import Component
from cli.local_stack.trouble import ComponentFailed, DiskFull, StackError, explained, indent

PROBE_EVERY_S = 0.05
FIRST_STARTS_MAX = 3  # A component that never came up is wrong, not unlucky.
BACKOFF_S, BACKOFF_S_MAX = 0.5, 5.0
STEADY_S = 5.0  # One that dies sooner after it became ready, twice in a row, is restarted with backoff.
KILL_S_MAX = 5.0
TAILS_MAX = 3
Say = Callable[[str], None]


class Supervisor:
    """Runs components until `stop`. `on_change` is called whenever a process has started, become ready or ended.

    `remove_at_end` is a file that must not outlive the supervisor, even one that is killed.
    """

    def __init__(self, *, say: Say, on_change: Callable[[], None], remove_at_end: Path | None = None) -> None:
        self._say = say
        self._on_change = on_change
        self._keepers: dict[str, Keeper] = {}
        self._warden = Warden(remove_at_end)

    def start(self, components: Iterable[Component]) -> None:
        """Start all of them side by side and return once every one is ready; raises for one that cannot be started."""
        keepers = []
        for component in components:
            keeper = Keeper(component, say=self._say, on_change=self._on_change, warden=self._warden)
            self._keepers[component.name] = keeper
            keepers.append(keeper)
            keeper.start()
        for keeper in keepers:
            keeper.wait_settled()
        for keeper in keepers:
            if keeper.failure:
                raise keeper.failure

    def stop_one(self, name: str) -> None:
        """Stop one component on purpose: it stays down until `start_one`."""
        self._keepers[name].stop()
        self._on_change()

    def start_one(self, name: str) -> None:
        """Start again what `stop_one` stopped, and wait until it is ready."""
        self.start([self._keepers[name].component])

    def stop(self) -> None:
        """Stop everything, the newest first, each within its bound, then by kill -9."""
        for keeper in reversed(self._keepers.values()):
            keeper.stop()
        self._warden.close()

    def names_of(self, kind: str) -> list[str]:
        return [name for name, keeper in self._keepers.items() if keeper.component.kind == kind]

    def pids(self) -> dict[str, int]:
        """Return the pid of every process that runs now, by component name."""
        return {name: keeper.pid for name, keeper in self._keepers.items() if keeper.pid is not None}

    def kinds(self) -> dict[str, str]:
        return {name: keeper.component.kind for name, keeper in self._keepers.items()}


class Keeper:
    """Keeps one component running from a thread of its own."""

    def __init__(self, component: Component, *, say: Say, on_change: Callable[[], None], warden: Warden) -> None:
        self.component = component
        self.failure: StackError | None = None
        self._say = say
        self._on_change = on_change
        self._warden = warden
        self._stopping = threading.Event()
        self._settled = threading.Event()  # Ready for the first time, failed for good, or stopped.
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0  # Where in the log this run's words begin: what an earlier one said is not its cause.
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{component.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None else None

    def start(self) -> None:
        self._thread.start()

    def wait_settled(self) -> None:
        self._settled.wait()  # Bounded: every start has a bound, and their number too.

    def stop(self) -> None:
        """End the process and the thread; returns when both are gone."""
        with self._lock:
            self._stopping.set()
            self._signal(self.component.stop_signal)
        self._thread.join(self.component.stop_s_max)
        if self._thread.is_alive():
            self._say(f"{self.component.name} did not stop within {self.component.stop_s_max:.0f} s: killed")
            self._kill()
            self._thread.join(KILL_S_MAX)

    def _keep(self) -> None:
        try:
            self._run_until_stopped()
        except StackError as error:
            self.failure = error
        except Exception as error:  # Whatever it is, the caller waits for the news.
            self.failure = StackError(f"{self.component.name} could not be started: {error!r}.", "Please report it.")
        finally:
            self._kill()
            self._settled.set()

    def _run_until_stopped(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            process = self._spawn()
            if process is None:
                return
            ready_at = self._wait_ready(process)
            if ready_at is not None:
                again = " again" if self._settled.is_set() else ""
                self._say(f"  {self.component.name} is ready{again} ({ready_at - began:.1f} s)")
                self._settled.set()
                self._on_change()
            code = self._wait_end(process, was_ready=ready_at is not None)
            if self._stopping.is_set():
                return
            steady = ready_at is not None and time.monotonic() - ready_at >= STEADY_S
            failures = 0 if steady else failures + 1
            self._tell(code, ready_at, time.monotonic() - began, failures)
            self._on_change()
            if ready_at is None or failures > 1:
                self._stopping.wait(min(BACKOFF_S * 2 ** (failures - 1), BACKOFF_S_MAX))

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        component = self.component
        component.prepare()
        account = component.account
        with explained(component.log_path.parent), component.log_path.open("ab") as log, self._lock:
            if self._stopping.is_set():
                return None
            self._log_from = log.tell()
            self._process = subprocess.Popen(
                component.argv,
                env=dict(component.env),
                cwd=component.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C in the terminal is for the supervisor, which stops all in order.
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
            self._warden.started(self._process.pid, component.stop_signal)
        self._on_change()
        return self._process

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> float | None:
        """Return when it became ready, or None when it ended before, or made no progress for `ready_s_max`."""
        moved_at, progress = time.monotonic(), self.component.progress()
        while time.monotonic() - moved_at < self.component.ready_s_max and not self._stopping.is_set():
            if process.poll() is not None:
                return None
            if self.component.is_ready():
                return time.monotonic()
            if (now := self.component.progress()) != progress:
                moved_at, progress = time.monotonic(), now
            self._stopping.wait(PROBE_EVERY_S)
        return None

    def _wait_end(self, process: subprocess.Popen[bytes], *, was_ready: bool) -> int | None:
        """Return the exit code; None for one that was ended because it did not become ready."""
        overdue = not was_ready and process.poll() is None and not self._stopping.is_set()
        if overdue:
            self._kill()
        code = process.wait()
        # What it left behind in its group would hold ports and files of its successor.
        self._kill()
        with self._lock:
            self._process = None
        self._warden.ended(process.pid)
        return None if overdue else code

    def _tell(self, code: int | None, ready_at: float | None, lived_s: float, failures: int) -> None:
        component = self.component
        what = (
            f"was not ready within {component.ready_s_max:.0f} s"
            if code is None
            else f"ended with {_name_of(code)} after {lived_s:.1f} s"
        )
        failed = ComponentFailed(component.name, what, component.log_path, log_from=self._log_from)
        disk_full = DiskFull(component.log_path.parent) if "No space left on device" in failed.tail else None
        # Once it has been ready it is tried for as long as the stack runs: somebody may make room.
        if not self._settled.is_set():
            if disk_full:
                raise disk_full from failed
            if ready_at is None and failures >= FIRST_STARTS_MAX:
                raise failed
        elif disk_full:
            self._say(str(disk_full))
        how = (
            "restarting it" if ready_at is not None and failures <= 1 else f"trying again (failure {failures} in a row)"
        )
        # A killed process has no last words, and a failure that goes on says the same each time.
        quiet = code in (-signal.SIGKILL, -signal.SIGTERM) or failures > TAILS_MAX
        tail = "" if quiet else f"; the end of {component.log_path}:\n{indent(failed.tail)}"
        self._say(f"{component.name} {what}: {how}{tail}")

    def _signal(self, number: int) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(number)

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _name_of(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class Warden:
    """Our end of the pipe to the process that cleans up after us, should we be killed."""

    def __init__(self, remove_at_end: Path | None) -> None:
        self._lock = threading.Lock()
        self._remove_at_end = remove_at_end
        self._groups: dict[int, int] = {}
        self._process: subprocess.Popen[str] | None = None

    def started(self, pid: int, stop_signal: signal.Signals) -> None:
        with self._lock:
            self._groups[pid] = int(stop_signal)
            self._write(f"started {pid} {int(stop_signal)}\n")

    def ended(self, pid: int) -> None:
        with self._lock:
            self._groups.pop(pid, None)
            self._write(f"ended {pid}\n")

    def close(self) -> None:
        """Let it go; what is still registered is ended by it."""
        with self._lock:
            if self._process is None or self._process.stdin is None:
                return
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(warden_program.GRACE_S_MAX + KILL_S_MAX)
            self._process = None

    def _write(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            # The first time, or somebody killed it: a new one learns all groups, of which `line` is part.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(warden_program.__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            removal = f"remove {self._remove_at_end}\n" if self._remove_at_end else ""
            line = removal + "".join(f"started {pid} {stop_signal}\n" for pid, stop_signal in self._groups.items())
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # Died this instant: the next line starts another.
            self._process.stdin.write(line)
            self._process.stdin.flush()
