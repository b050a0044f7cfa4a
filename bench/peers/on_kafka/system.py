"""A peer on Kafka: our broker and its settings, two topics, the API, and what a design puts behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
from confluent_kafka.admin import AdminClient, NewTopic

from bench.broker import kafka
from bench.peers.judged import statement
from bench.peers.peer import Peer
from bench.system import PARTITIONS_OF_SYSTEMS
from bench.usage import bytes_on_disk
from cli.local_stack.ports import HOST
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings

COMMANDS, EVENTS = "commands", "events"
CORES = os.cpu_count() or 1
CREATE_S_MAX = 60.0


class OnKafka(Peer):
    """A batch is a POST of a list to /api/v1/payments/batch, produced at once and answered when the broker has it all.

    The API checks a payment's form and not its accounts. A design starts its own programs in `_begin_behind`.
    """

    def disk_bytes(self) -> Mapping[str, int]:
        return {**super().disk_bytes(), "kafka": bytes_on_disk(self.folder / "kafka" / "data")}

    def _begin(self, database_uri: str) -> None:
        broker = self._enter(kafka(None, self.folder))
        assert broker.pid is not None, "it was started here"
        self._servers.append(broker.pid)
        _create_topics(broker.bootstrap)
        with psycopg.connect(database_uri) as connection:
            connection.execute(statement(Path(__file__).parent / "tables.sql"))
        self._begin_behind(broker.bootstrap, database_uri)
        # Processes as there are cores (uvicorn, "Deployment"). A busy machine must not have them killed as dead.
        workers = ("--workers", str(CORES), "--timeout-worker-healthcheck", "60")
        program = ("-m", "uvicorn", "bench.peers.on_kafka.api:app", "--host", HOST, "--port", self.port, *workers)
        env = {"PEER_KAFKA": broker.bootstrap, "PEER_COMMANDS": COMMANDS, **ours()}
        self._run("api", sys.executable, *program, "--no-access-log", "--log-level", "warning", env=env)

    def _begin_behind(self, bootstrap: str, database_uri: str) -> None:
        raise NotImplementedError


def ours() -> Mapping[str, str]:
    """Return the environment in which a program of a peer finds this project, from wherever it is started."""
    root = str(Path(__file__).parents[3])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


def _create_topics(bootstrap: str) -> None:
    admin = AdminClient(client_settings(bootstrap, "bench"), logger=LIBRDKAFKA_LOG)
    topics = [NewTopic(name, PARTITIONS_OF_SYSTEMS, 1) for name in (COMMANDS, EVENTS)]
    for created in admin.create_topics(topics, operation_timeout=CREATE_S_MAX).values():
        created.result(CREATE_S_MAX)
