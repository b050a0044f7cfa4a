"""A Postgres server of one test module's own, to be killed, paused and started again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from cli.local_stack.ports import free_port
from cli.local_stack.postgres import PostgresServer

READY_S_MAX = 60.0


class OwnPostgres:
    """A server on the loopback address, on the same port over restarts, in a folder that goes with `close`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="directpay-postgres-"))
        # For root the server runs as another account, which has to get here.
        self._folder.chmod(0o711)
        self._log_path = self._folder / "postgres.log"
        self._server = PostgresServer(
            self._folder / "postgres",
            port=free_port(),
            superuser_password=uuid.uuid4().hex,
            owner_password=uuid.uuid4().hex,
            log_path=self._log_path,
        )
        self._server.prepare()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once the server answers."""
        component = self._server.component()
        account = component.account
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                component.argv,
                stdout=log,
                stderr=log,
                env=dict(component.env),
                cwd=component.cwd,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        deadline = time.monotonic() + READY_S_MAX
        while not self._server.is_ready():
            assert time.monotonic() < deadline, "the server did not start"
            assert self._process.poll() is None, f"the server ended: {self._log_path.read_text()[-2000:]}"
        self._server.make_database()

    def make_database(self) -> str:
        """Return the URI of a new database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self._server.owner_uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._server.owner_uri.rpartition("/")[0] + f"/{name}"

    def kill(self) -> None:
        """End the server and all its sessions with kill -9, as a power cut of the process would."""
        if self._process is not None:
            self._send(signal.SIGKILL)
            self._process.wait()
            psutil.wait_procs(self._family(), timeout=10)
            self._process = None

    def pause(self) -> None:
        """Freeze it, with all its sessions: connections stay open and nobody answers."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """Stop it for good."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, what: signal.Signals) -> None:
        for process in self._family():
            # A session whose client has just left ends while the family is being listed.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(what)

    def _family(self) -> list[psutil.Process]:
        assert self._process is not None
        if not psutil.pid_exists(self._process.pid):
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]
