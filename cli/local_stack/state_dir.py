"""The folder of one stack: its lock, logs, ports and secrets, and the processes that a killed stack left behind."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import psutil

from cli.local_stack.credentials import Credentials, write_private
from cli.local_stack.ports import Ports
from cli.local_stack.trouble import DiskFull, StackError, StateDirInUse, explained

FREE_BYTES_MIN = 2**30
LEFTOVER_S_MAX = 8.0  # Longer than the warden's grace: normally it has ended them before us.


class StateDir:
    """A folder that at most one stack uses at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.logs = self.path / "logs"
        self.stack_file = self.path / "stack.json"
        # Sets the business clock of the stack while it is there (business_clock.setting).
        self.clock_file = self.path / "clock.json"
        # ACH files of the originator and the bank. There once a stack was started with them, and for good: payments may
        # be under way in them.
        self.ach_files = self.path / "ach"
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Take the folder: make it, lock it, end what a killed run left running, check the disk."""
        try:
            with explained(self.path):
                self._make()
                self._take_lock()
                self._end_leftovers()
                self.stack_file.unlink(missing_ok=True)
                self._require_space()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def is_open(self) -> bool:
        return self._lock is not None

    def ports(self) -> Ports:
        return Ports(self.path / "ports.json")

    def credentials(self) -> Credentials:
        return Credentials.of(self.path / "credentials.json")

    def remember_pids(self, pids: Mapping[str, int]) -> None:
        """Note which processes run, so that the next start can end them if we cannot."""
        noted = {}
        for name, pid in pids.items():
            try:
                noted[name] = {"pid": pid, "created": psutil.Process(pid).create_time()}
            except psutil.NoSuchProcess:
                continue
        write_private(self._pids_path, json.dumps(noted, indent=2))

    @property
    def _pids_path(self) -> Path:
        return self.path / "pids.json"

    def _make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if self.path.stat().st_uid == os.geteuid():
            # Others see nothing; when we are root, Postgres' account must be able to pass through.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.logs.mkdir(exist_ok=True)

    def _require_space(self) -> None:
        free_bytes = psutil.disk_usage(str(self.path)).free
        if free_bytes < FREE_BYTES_MIN:
            raise DiskFull(self.path, free_bytes)

    def _take_lock(self) -> None:
        # The lock is the system's: it goes with its process, so a file that is left behind locks nothing.
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise StateDirInUse(self.path, f" (process {owner})" if owner else "") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _end_leftovers(self) -> None:
        """End processes of a killed run. One is ours only if its pid and its start time are the noted ones."""
        try:
            noted = json.loads(self._pids_path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return
        leftovers = []
        for entry in noted.values():
            try:
                process = psutil.Process(entry["pid"])
                if abs(process.create_time() - entry["created"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
                    process.terminate()
                    leftovers.append(process)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(leftovers, timeout=LEFTOVER_S_MAX)
        for process in alive:
            process.kill()
        _, alive = psutil.wait_procs(alive, timeout=LEFTOVER_S_MAX)
        if alive:
            pids = ", ".join(str(process.pid) for process in alive)
            raise StackError(
                f"Processes of an earlier run cannot be ended: {pids}.", "End them by hand, then try again."
            )
        self._pids_path.unlink(missing_ok=True)
