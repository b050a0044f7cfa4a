"""Apache Kafka on this machine: one node that is broker and controller (KRaft), on the loopback address."""

from __future__ import annotations

import base64
import logging
import subprocess
import threading
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from cli.local_stack.component import Component
from cli.local_stack.java import java_environment
from cli.local_stack.ports import HOST
from cli.local_stack.trouble import ComponentFailed

READY_S_MAX = 90.0  # It takes 3 to 5 s; a cold disk and a busy machine must not make it fail.
STOP_S_MAX = 15.0
FORMAT_S_MAX = 60.0
PROBE_S = 0.5
HEAP_MAX = "512m"

# The same names and values as in docker-compose.yml, where the image reads them as KAFKA_...; a test compares.
SETTINGS: dict[str, str] = {
    "auto.create.topics.enable": "false",
    # Longer than any outage: a group that comes back must find its offsets (ten years).
    "offsets.retention.minutes": "5256000",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    # Every batch commits its offsets, and only closed segments are compacted. A broker reads all of it before it
    # coordinates (docs/decisions/0048): with 100 MB, the default, that is hundreds of thousands of records.
    "offsets.topic.segment.bytes": "4194304",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    # A transactional id is a worker's: it must survive a pause of any length (the largest value: 68 years).
    "transactional.id.expiration.ms": "2147483647",
    # Who takes a dead worker's partitions over waits until the broker has ended its transaction; by default it looks
    # for such ones every 10 s.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # After kill -9 a broker reads each partition's open segment whole before it answers: with 1 GiB, the default, all
    # of a small machine's log. After a million records that took 14 s, longer than a commit may.
    "log.segment.bytes": "16777216",
    "transaction.state.log.segment.bytes": "4194304",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Workers of one machine start together within moments; waiting 3 s for more of them helps nobody.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After kill -9 the node may register again only when its former session has ended (9 s by default).
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # Index files are made this large before they are needed; 10 MiB for each partition fills a small disk.
    "log.index.size.max.bytes": "2097152",
}

LOG4J = """\
status = ERROR
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = INFO
"""


class KafkaServer:
    """A broker whose files are all in `home`; `prepare` it once, then let a supervisor run `component()`."""

    def __init__(self, home: Path, *, java: Path, jars: Path, port: int, controller_port: int, log_path: Path) -> None:
        self.bootstrap = f"{HOST}:{port}"
        self._home = home
        self._java = java
        self._jars = jars
        self._port = port
        self._controller_port = controller_port
        self._log_path = log_path
        self._probe: AdminClient | None = None
        self._probing = threading.Lock()

    def prepare(self) -> None:
        """Write the configuration and, the first time, format the storage."""
        self._home.mkdir(parents=True, exist_ok=True)
        (self._home / "log4j2.properties").write_text(LOG4J)
        (self._home / "server.properties").write_text(self._properties())
        if not (self._data / "meta.properties").exists():
            self._format()

    def component(self) -> Component:
        return Component(
            name="kafka",
            kind="kafka",
            argv=(*self._jvm("kafka.Kafka", f"-Xmx{HEAP_MAX}", "-Xms128m"), str(self._home / "server.properties")),
            env=java_environment(),
            log_path=self._log_path,
            is_ready=self.is_ready,
            ready_s_max=READY_S_MAX,
            stop_s_max=STOP_S_MAX,
            cwd=self._home,
        )

    def is_ready(self) -> bool:
        """Return whether the broker answers with its metadata."""
        with self._probing:
            self._probe = self._probe or AdminClient(
                {
                    "bootstrap.servers": self.bootstrap,
                    "reconnect.backoff.ms": 20,
                    "reconnect.backoff.max.ms": 100,
                    "socket.connection.setup.timeout.ms": 1000,
                },
                logger=_silent(),
            )
            try:
                ready = bool(self._probe.list_topics(timeout=PROBE_S).brokers)
            except KafkaException:
                return False
            if ready:
                self._probe = None  # Its threads and connections end with it.
            return ready

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _properties(self) -> str:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{HOST}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self._port},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._data),
            **SETTINGS,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [
            *self._jvm("kafka.tools.StorageTool", "-Xmx128m"),
            "format",
            # In one argument: an id may begin with "-", and would pass for an option.
            f"--cluster-id={cluster_id}",
            "--config",
            str(self._home / "server.properties"),
            "--ignore-formatted",
        ]
        with self._log_path.open("ab") as log:
            try:
                subprocess.run(
                    command, stdout=log, stderr=log, env=java_environment(), timeout=FORMAT_S_MAX, check=True
                )
            except subprocess.SubprocessError as error:
                raise ComponentFailed("kafka", "could not format its storage", self._log_path) from error

    def _jvm(self, main: str, *options: str) -> list[str]:
        return [
            str(self._java),
            *options,
            # Java's second compiler takes a sixth of a core for the first minutes, which is how long most brokers here
            # live; what it makes was not seen to be faster by then. Without it a batch's payment costs a broker half.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",  # The smallest in memory and threads; pauses stay short on a heap this small.
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            "-cp",
            f"{self._jars}/*",
            main,
        ]


def _silent() -> logging.Logger:
    """Return a logger for a client whose failures to connect are expected while a broker starts."""
    logger = logging.getLogger("directpay.local_stack.kafka_probe")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
