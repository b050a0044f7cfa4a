"""Kafka and Postgres alone, supervised: the ground of the whole stack, and enough for many tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from cli.local_stack.java import find_java
from cli.local_stack.kafka import KafkaServer
from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.ports import Ports
from cli.local_stack.postgres import PostgresServer
from cli.local_stack.state_dir import StateDir
from cli.local_stack.supervisor import Say, Supervisor
from cli.local_stack.trouble import explained
from cli.settings import DownloadSettings, load


class LocalServers:
    """A Kafka broker and a Postgres server on the loopback address, with their data under `state_dir`."""

    def __init__(
        self,
        state_dir: Path,
        *,
        kafka_port: int = 0,
        postgres_port: int = 0,
        http_port: int = 0,
        say: Say = print,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = StateDir(state_dir)
        self.supervisor = Supervisor(say=say, on_change=self._changed, remove_at_end=self.state.stack_file)
        self.kafka: KafkaServer
        self.postgres: PostgresServer
        self.ports: Ports
        self.http_port: int  # For the API, should there be one.
        self._wanted = {"kafka": kafka_port, "postgres": postgres_port, "http": http_port}
        self._say = say
        self._on_change = on_change
        self._writing = threading.Lock()

    def start(self) -> None:
        """Return once both answer; raises StackError, having stopped what had started."""
        try:
            self.state.open()
            with explained(self.state.path):
                self._prepare()
                self.supervisor.start([self.postgres.component(), self.kafka.component()])
                self.postgres.make_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both and give the folder free; harmless when nothing runs."""
        self.supervisor.stop()
        self.state.close()

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap

    def _prepare(self) -> None:
        ports = self.ports = self.state.ports()
        # All that were asked for, before anything starts: a taken one is news at once.
        kafka_port, postgres_port, self.http_port = (
            ports.take(name, wanted, f"--{name}-port") for name, wanted in self._wanted.items()
        )
        credentials = self.state.credentials()
        jars = kafka_jars(load(DownloadSettings).cache_dir.expanduser(), self._say)
        self.kafka = KafkaServer(
            self.state.path / "kafka",
            java=find_java(),
            jars=jars,
            port=kafka_port,
            controller_port=ports.take("kafka-controller", 0, ""),
            log_path=self.state.logs / "kafka.log",
        )
        self.postgres = PostgresServer(
            self.state.path / "postgres",
            port=postgres_port,
            superuser_password=credentials.superuser_password,
            owner_password=credentials.owner_password,
            log_path=self.state.logs / "postgres.log",
        )
        first = not (self.state.path / "kafka" / "data").exists()
        self._say("Making new data folders for Kafka and Postgres" if first else "Starting Kafka and Postgres")
        self.kafka.prepare()
        self.postgres.prepare()

    def _changed(self) -> None:
        with self._writing:
            if self.state.is_open:
                self.state.remember_pids(self.supervisor.pids())
        self._on_change()
