"""A Kafka broker of one test module's own, to be killed, paused and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from cli.local_stack.java import find_java
from cli.local_stack.kafka import KafkaServer
from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.ports import free_port
from cli.settings import DownloadSettings

READY_S_MAX = 90.0


class OwnBroker:
    """One node on the loopback address whose data is in `folder`, on the same port over restarts."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self._log_path = folder / "kafka.log"
        self._server = KafkaServer(
            folder / "kafka",
            java=find_java(),
            jars=kafka_jars(DownloadSettings().cache_dir.expanduser(), print),
            port=port,
            controller_port=free_port({port}),
            log_path=self._log_path,
        )
        self._server.prepare()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return self._server.bootstrap

    def start(self) -> None:
        """Return once the broker answers."""
        component = self._server.component()
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                component.argv, stdout=log, stderr=log, env=dict(component.env), cwd=component.cwd
            )
        deadline = time.monotonic() + READY_S_MAX
        while not self._server.is_ready():
            assert time.monotonic() < deadline, "the broker did not start"
            assert self._process.poll() is None, f"the broker ended: {self._log_path.read_text()[-2000:]}"

    def kill(self) -> None:
        """End it as a power cut of the process would: kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)
