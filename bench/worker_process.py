"""A worker, ours or another's, as a process: started, watched over HTTP, signalled, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cli.local_stack.ports import free_port

READY_S_MAX = 1800.0  # Millions of records to restore, on a busy machine.
STOP_S_MAX = 30.0
RUN_S_MAX = 600.0
LOOK_S = 0.1
# Only this: all that our worker measures would cost it 4 % of its time to tell ten times a second.
_LOOK = f"/metrics?{urlencode({'name[]': 'directpay_stream_written_total'})}"
_WRITTEN = 'directpay_stream_written_total{topic="payment-events"}'


class WorkerEnded(Exception):
    """The worker ended, or did not become ready, by itself; its log is told."""


class WorkerProcess:
    """One worker with a name (`settings["instance"]`) and a directory; it may be started again and again."""

    def __init__(self, program: str, settings: Mapping[str, Any], log: Path) -> None:
        self._program = program
        self._settings = {**settings, "health_port": free_port()}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "start it first"
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def start(self) -> WorkerProcess:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program, json.dumps(self._settings)], stdout=log, stderr=log
            )
        return self

    def wait_ready(self) -> float:
        """Return after how many seconds it was ready."""
        began = time.monotonic()
        while not self.is_ready():
            if self.has_ended or time.monotonic() - began > READY_S_MAX:
                raise WorkerEnded(f"not ready: {self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def is_ready(self) -> bool:
        try:
            return bool(json.loads(self._get("/health/ready"))["status"] == "ready")
        except OSError:
            return False

    def restored(self) -> int:
        """Return how many records it has read to restore its state; only our worker says that."""
        return int(json.loads(self._get("/health/ready"))["progress"])

    def events(self) -> int:
        """Return how many events it has written, acknowledged or committed, since it started."""
        for line in self._get(_LOOK).splitlines():
            if line.startswith(_WRITTEN):
                return int(float(line.split()[-1]))
        return 0

    def wait_events(self, count: int) -> float:
        """Return when it had written as many, by the monotonic clock."""
        give_up_at = time.monotonic() + RUN_S_MAX
        while (written := self.events()) < count:
            if self.has_ended or time.monotonic() > give_up_at:
                raise WorkerEnded(f"{written} of {count} events: {self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(LOOK_S)
        return time.monotonic()

    def signal(self, number: signal.Signals) -> None:
        if not self.has_ended and self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """End it in order; what does not end in time is killed."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._process is not None:
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_S_MAX)

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._settings['health_port']}{path}", timeout=10) as answer:
            return str(answer.read().decode())
