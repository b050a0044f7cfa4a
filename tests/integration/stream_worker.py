"""A stream worker as a process of its own, and the topics around it, as the tests of the stream app need them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from payments.commands import RailReport, RefundReport
from payments.payment import Payment, first_broken_link
from payments.rejection import Rejection
from schemas import codec, topics
from schemas.partitioning import partition_of
from stream_app.exactly_once.watchdog import EndOffsets

PARTITIONS = 8
START_S_MAX = 60.0
# What a topic that was just made, or a broker that was just started, says for a moment.
NO_LEADER_YET = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
}
INPUTS = (topics.PAYMENT_COMMANDS.name, topics.RAIL_REPORTS.name, topics.DIRECTORY_COMMANDS.name)

ROOT = Path(__file__).parents[2]

# `changed_by` names functions of the tests ("module:name") that change the process before it runs.
RUN = """
import importlib, json, sys
from pathlib import Path
from stream_app.app import StreamConfig, run
settings = json.loads(sys.argv[1])
for place in settings.pop("changed_by", ()):
    from pytest import MonkeyPatch
    module, _, name = place.partition(":")
    getattr(importlib.import_module(module), name)(MonkeyPatch())
run(StreamConfig(**{**settings, "state_dir": Path(settings["state_dir"])}))
"""


class Worker:
    """One `stream_app` process; its log goes to a file beside its state."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        self.settings = {**settings, "health_port": free_port()}
        self.log = folder / f"{settings['instance']}-{uuid.uuid4().hex[:6]}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Worker:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, json.dumps(self.settings)], stdout=log, stderr=log, env=os.environ, cwd=ROOT
            )
        return self

    def health(self) -> dict[str, Any] | None:
        """Return what /health/ready says, or None when nobody answers."""
        url = f"http://127.0.0.1:{self.settings['health_port']}/health/ready"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return json.load(answer)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as unready:
            with unready:
                return json.load(unready)  # type: ignore[no-any-return]
        except OSError:
            return None

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings['health_port']}/metrics", timeout=2) as answer:
            return str(answer.read().decode())

    def wait_ready(self, *, partitions: int | None = None) -> Worker:
        def is_ready() -> bool:
            assert self.exit_code() is None, f"the worker ended with {self.exit_code()}: {self.tail()}"
            health = self.health()
            return (
                health is not None
                and health["status"] == "ready"
                and (partitions is None or len(health["partitions"]) == partitions)
            )

        eventually(is_ready, START_S_MAX, lambda: f"{self.health()} {self.tail()}")
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait_exit(self, seconds: float) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def kill(self) -> None:
        """End it with SIGKILL, if it still lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@dataclass
class Stage:
    """The topics as a test found them, a consumer group of its own, and the workers it has started."""

    bootstrap: str
    folder: Path
    group: str = field(default_factory=lambda: f"stream-test-{uuid.uuid4().hex[:8]}")
    tenant: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = {name: ends(self.bootstrap, name) for name in (topic.name for topic in topics.TOPICS)}
        self._begin_group()
        self._producer = Producer(
            {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 2, "acks": "all"}
        )

    def forget_offsets(self) -> None:
        """Put the workers to come into a group that stands where the test began, as if the broker had lost offsets."""
        self.group = f"{self.group}-again"
        self._begin_group()

    def _begin_group(self) -> None:
        committer = consumer(self.bootstrap, self.group)
        offsets = [TopicPartition(name, number, end) for name in INPUTS for number, end in self._ends[name].items()]
        committer.commit(offsets=offsets, asynchronous=False)
        committer.close()

    def worker(self, instance: str = "stream-0", **settings: Any) -> Worker:
        made = Worker(
            {
                "bootstrap": self.bootstrap,
                "partitions": PARTITIONS,
                "state_dir": str(self.folder),
                "instance": instance,
                "group": self.group,
                "rail_speed": 20.0,
                **settings,
            },
            self.folder,
        )
        self.workers.append(made)
        return made.start()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()

    def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        *,
        partition: int = -1,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        self._producer.produce(topic, key=key, value=value, partition=partition, headers=list(headers))
        self._producer.poll(0)

    def sent(self) -> None:
        assert self._producer.flush(30) == 0

    def order(self, value: Any, *, partition: int = -1, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        """Send an order to its topic under its key."""
        is_report = isinstance(value, RailReport | RefundReport)
        topic = topics.RAIL_REPORTS.name if is_report else topics.PAYMENT_COMMANDS.name
        self.send(topic, value.key, codec.encode(value), partition=partition, headers=headers)

    def starts(self, topic: topics.Topic) -> dict[int, int]:
        """Return the offsets at which the test found the topic."""
        return dict(self._ends[topic.name])

    def records(self, topic: topics.Topic) -> list[Message]:
        """Return every committed record that came to the topic since the test began."""
        return read(self.bootstrap, topic.name, self._ends[topic.name])

    def histories(self) -> dict[str, list[Payment]]:
        """Return, by idempotency key, the snapshots of this test's payments in the order of the log.

        Asserts on the way what holds of every one of them: each transition exactly once and in order, its chain intact,
        on the partition of its command.
        """
        found: dict[str, list[Payment]] = defaultdict(list)
        for message in self.records(topics.PAYMENT_EVENTS):
            payment = codec.decode(message.value())
            assert isinstance(payment, Payment)
            if payment.head.tenant_id == self.tenant:
                assert message.partition() == partition_of(payment.head.key, PARTITIONS)
                assert message.key() == payment.payment_id.encode()
                found[payment.head.idempotency_key].append(payment)
        for key, snapshots in found.items():
            sequences = [payment.last.sequence for payment in snapshots]
            assert sequences == list(range(1, len(sequences) + 1)), f"{key}: {sequences}"
            assert first_broken_link(snapshots[-1]) is None
        return found

    def rejections(self) -> list[Rejection]:
        decoded = [codec.decode(message.value()) for message in self.records(topics.PAYMENT_REJECTIONS)]
        return [each for each in decoded if isinstance(each, Rejection)]

    def lag(self) -> int:
        """Return how many input records the group has not committed; markers of transactions are no records."""
        asker = consumer(self.bootstrap, self.group)
        try:
            asked = [TopicPartition(name, number) for name in INPUTS for number in range(PARTITIONS)]
            committed = {(each.topic, each.partition): each.offset for each in asker.committed(asked, timeout=10)}
        finally:
            asker.close()
        stable = EndOffsets(self.bootstrap, client_id="lag").of([(name, number) for name, number in committed])
        undecided = 0
        for name in INPUTS:
            # What lies behind an open transaction (a forwarded record) is still to come.
            undecided += sum(stable.get((name, number), 0) < end for number, end in ends(self.bootstrap, name).items())
            behind = {
                number: committed[name, number]
                for number, end in ends(self.bootstrap, name).items()
                if committed[name, number] < end
            }
            undecided += len(read(self.bootstrap, name, behind)) if behind else 0
        return undecided

    def wait_decided(self, seconds: float = 60.0) -> None:
        """Wait until every input record is decided and its offset committed."""
        eventually(lambda: self.lag() == 0, seconds, lambda: f"lag {self.lag()}; {[w.tail() for w in self.workers]}")


def consumer(bootstrap: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 20,
        }
    )


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the end offset of each partition."""
    asker = consumer(bootstrap, "ends")
    try:
        numbers = range(len(asker.list_topics(topic, timeout=10).topics[topic].partitions))
        return {number: _end(asker, TopicPartition(topic, number)) for number in numbers}
    finally:
        asker.close()


def _end(asker: Consumer, partition: TopicPartition) -> int:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            return int(asker.get_watermark_offsets(partition, timeout=10)[1])
        except KafkaException as error:
            if error.args[0].code() not in NO_LEADER_YET or time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)


def read(bootstrap: str, topic: str, starts: dict[int, int]) -> list[Message]:
    """Return the committed records from these offsets to the ends, partition by partition."""
    reader = consumer(bootstrap, "read")
    try:
        reader.assign([TopicPartition(topic, number, start) for number, start in starts.items()])
        found: dict[int, list[Message]] = {number: [] for number in starts}
        open_partitions = set(starts)
        give_up_at = time.monotonic() + 30
        while open_partitions:
            assert time.monotonic() < give_up_at, f"{topic} could not be read to its end"
            for message in reader.consume(1000, timeout=0.05):
                number = message.partition()
                assert number is not None
                error = message.error()
                if error is None:
                    found[number].append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_partitions.discard(number)
        return [message for number in sorted(found) for message in found[number]]
    finally:
        reader.close()


def eventually(condition: Callable[[], bool], seconds: float, say: Callable[[], str]) -> None:
    """Wait until the condition holds, or fail with what `say` says."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, say()
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
