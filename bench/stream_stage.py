"""The stream stage alone: one worker, its inputs there before it starts, three transitions a payment.

`python -m bench.stream_stage --payments 50000` starts a broker of its own (or takes `--bootstrap`) and prints one JSON
object. Commands, then claims and settlements of all payments, are written in two transactions that stay open: a worker
that reads committed records sees nothing. The clock starts when the first is committed, with the worker ready and idle;
the second is committed when every payment is initiated, so that no report comes before its payment. It ends when the
worker has committed three events a payment. What is timed is what runs in production: Avro in and out, RocksDB,
transactions, all partitions in one process.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from confluent_kafka import Producer

from cli.local_stack.java import find_java
from cli.local_stack.kafka import KafkaServer
from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.ports import free_port
from cli.settings import DownloadSettings
from kafka_log.topics_admin import apply_topics
from payments.commands import InitiatePayment, RailReport, Report
from schemas import codec, topics

PARTITIONS = 8
T0_US = 1_772_323_200_000_000
SECOND_US = 1_000_000
TRANSACTION_MS_MAX = 900_000  # The longest that a broker allows by default.
RUN_S_MAX = 600.0

WORKER = """
import json, sys
from pathlib import Path
from stream_app.app import StreamConfig, run
settings = json.loads(sys.argv[1])
run(StreamConfig(**{**settings, "state_dir": Path(settings["state_dir"])}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`cpu_us` is of the worker's process, for one payment with its three transitions; `broker_cpu_us` is Kafka's."""

    payments: int
    seconds: float
    payments_per_s: int
    initiate_per_s: int
    reports_per_s: int
    cpu_us: float
    broker_cpu_us: float | None
    resident_mib: int
    load_before: float
    python: str
    optimised_python: bool


@click.command()
@click.option("--payments", default=50_000, help="How many payments live through three transitions.")
@click.option("--warm-up", default=2_000, help="How many others before, not timed: first batches, first connections.")
@click.option("--bootstrap", default=None, help="A Kafka that is there; else one is started.")
@click.option("--profile", default=None, help="Write a profile of the worker to this file (needs py-spy).")
def main(payments: int, warm_up: int, bootstrap: str | None, profile: str | None) -> None:
    """Measure how many payments a second one worker decides and commits."""
    with tempfile.TemporaryDirectory(prefix="directpay-bench-") as folder, kafka(bootstrap, Path(folder)) as broker:
        apply_topics(broker.bootstrap, PARTITIONS)
        with worker(broker.bootstrap, Path(folder)) as running:
            rounds(broker, running, warm_up, None)
            print(json.dumps(asdict(rounds(broker, running, payments, profile)), indent=2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    bootstrap: str
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    pid: int
    health_port: int

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/health/ready", timeout=2) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except OSError:
            return False

    def events(self) -> int:
        """Return how many events the worker has committed since it started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith('directpay_stream_written_total{topic="payment-events"}'):
                    return int(float(line.split()[-1]))
        return 0

    def wait_events(self, count: int) -> float:
        """Return when the worker had committed as many, by the monotonic clock."""
        give_up_at = time.monotonic() + RUN_S_MAX
        while self.events() < count:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{self.events()} of {count} events")
            time.sleep(0.1)  # Each look costs the worker a few milliseconds.
        return time.monotonic()


def rounds(broker: Broker, running: Running, payments: int, profile: str | None) -> Figures:
    """Let `payments` new payments live, and return what that took."""
    before = running.events()
    commands, reports = preloaded(broker.bootstrap, payments)
    load = os.getloadavg()[0]
    profiler = _profiler(running.pid, profile) if profile else None
    cpu, broker_cpu, started = cpu_s(running.pid), _cpu_s(broker.pid), time.monotonic()
    commands.commit_transaction()
    initiated = running.wait_events(before + payments)
    reports.commit_transaction()
    ended = running.wait_events(before + 3 * payments)
    cpu, broker_cpu_after = cpu_s(running.pid) - cpu, _cpu_s(broker.pid)
    if profiler is not None:
        profiler.wait()
    both = broker_cpu is not None and broker_cpu_after is not None
    return Figures(
        payments=payments,
        seconds=round(ended - started, 2),
        payments_per_s=round(payments / (ended - started)),
        initiate_per_s=round(payments / (initiated - started)),
        reports_per_s=round(2 * payments / (ended - initiated)),
        cpu_us=round(cpu / payments * 1e6, 1),
        broker_cpu_us=round(((broker_cpu_after or 0) - (broker_cpu or 0)) / payments * 1e6, 1) if both else None,
        resident_mib=_resident_mib(running.pid),
        load_before=round(load, 1),
        python=platform.python_version(),
        optimised_python="--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
    )


def preloaded(bootstrap: str, payments: int) -> tuple[Producer, Producer]:
    """Write the commands, and the claims and settlements; return the producers whose open transactions hold them."""
    run = uuid.uuid4().hex[:8]
    commands, reports = (_transactional(bootstrap, f"bench-{name}-{run}") for name in ("commands", "reports"))
    for number in range(payments):
        order = InitiatePayment(
            command_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{run}-{number}")),
            tenant_id="bench",
            idempotency_key=f"rent-{run}-{number}",
            lease_id="0d1c8a9e-6a53-4d0e-9a1c-5f6a3c1b2d4e",
            payer_account_id="5b0a5a0e-3a54-4f6e-8f37-0a1f3f6a2b11",
            payee_account_id="9c1d7f52-1c0b-4c7f-a3a0-7b8f2d9e4c22",
            amount_minor=150_000 + number % 1000,
            payment_rail_type="standard_ach",
            description="Rent for March",
            requested_at_us=T0_US + number,
        )
        _produce(commands, topics.PAYMENT_COMMANDS.name, order.key, codec.encode(order))
        for what, after_s in ((Report.CLAIMED, 5), (Report.SETTLED, 150)):
            report = RailReport(
                tenant_id=order.tenant_id,
                idempotency_key=order.idempotency_key,
                attempt=1,
                report=what,
                occurred_at_us=T0_US + number + after_s * SECOND_US,
                bank_reference=f"{order.payment_id}:1" if what is Report.SETTLED else None,
            )
            _produce(reports, topics.RAIL_REPORTS.name, report.key, codec.encode(report))
    for producer in (commands, reports):
        if producer.flush(60):
            raise TimeoutError("the inputs could not be written")
    return commands, reports


def _transactional(bootstrap: str, name: str) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": name,
            "transaction.timeout.ms": TRANSACTION_MS_MAX,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 50,
        }
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def _produce(producer: Producer, topic: str, key: str, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, key=key, value=value)
        except BufferError:
            producer.poll(0.1)
        else:
            return


@contextmanager
def worker(bootstrap: str, folder: Path) -> Iterator[Running]:
    """Run one worker of a group of its own, from the moment that it is ready."""
    settings = {
        "bootstrap": bootstrap,
        "partitions": PARTITIONS,
        "state_dir": str(folder / "stream"),
        "instance": "stream-0",
        "health_port": free_port(),
        "group": f"bench-{uuid.uuid4().hex[:8]}",
        "log_level": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(settings)])
    running = Running(pid=process.pid, health_port=int(str(settings["health_port"])))
    try:
        give_up_at = time.monotonic() + RUN_S_MAX
        while not running.is_ready():
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"the worker did not become ready (status {process.poll()})")
            time.sleep(0.1)
        yield running
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def kafka(bootstrap: str | None, folder: Path) -> Iterator[Broker]:
    """Give the broker that was named, or one that lives as long as this."""
    if bootstrap is not None:
        yield Broker(bootstrap=bootstrap, pid=None)
        return
    port = free_port()
    jars = kafka_jars(DownloadSettings().cache_dir.expanduser(), lambda text: print(text, file=sys.stderr))
    server = KafkaServer(
        folder / "kafka",
        java=find_java(),
        jars=jars,
        port=port,
        controller_port=free_port({port}),
        log_path=folder / "kafka.log",
    )
    server.prepare()
    component = server.component()
    with (folder / "kafka.log").open("ab") as log:
        process = subprocess.Popen(component.argv, stdout=log, stderr=log, env=dict(component.env), cwd=component.cwd)
    try:
        while not server.is_ready():
            if process.poll() is not None:
                raise RuntimeError((folder / "kafka.log").read_text()[-2000:])
        yield Broker(bootstrap=server.bootstrap, pid=process.pid)
    finally:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used, in user and in kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_s(pid: int | None) -> float | None:
    return None if pid is None else cpu_s(pid)


def _resident_mib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _profiler(pid: int, path: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            "py-spy",
            "record",
            "--pid",
            str(pid),
            "--output",
            path,
            "--format",
            "raw",
            "--rate",
            "250",
            "--duration",
            "15",
        ]
    )


if __name__ == "__main__":
    main()
