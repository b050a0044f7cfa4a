"""Who is measured: our worker, stock Faust's with each of its guarantees, Kafka Streams', on topics of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic

from bench.broker import PARTITIONS
from bench.peers.kafka_streams.jars import java_command
from bench.worker_process import WorkerProcess
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.topics_admin import apply_topics
from schemas import topics
from schemas.topics import Topic

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """`group` is the consumer group, `prefix` that of its topics; `program` is the module that runs a worker.

    One that reads uncommitted records cannot be given inputs that wait in an open transaction. Each worker decides
    `warm_up` payments before it is measured, then one in `share` of what ours gets. `install` fetches what has to be
    there before that, and raises StackError when it cannot.
    """

    name: str
    group: str
    prefix: str
    program: str
    reads_committed: bool
    settings: Mapping[str, Any]
    warm_up: int
    share: int = 1
    install: Callable[[Say], Any] = lambda _say: None

    def payments(self, of: int) -> int:
        """Return how many payments it gets, when ours gets so many."""
        return max(1, of // self.share)

    def topic(self, topic: Topic) -> str:
        return f"{self.prefix}{topic.name}"

    def worker(self, bootstrap: str, folder: Path, *, instance: str = "stream-0", **more: Any) -> WorkerProcess:
        """Return a worker, not yet started, whose state and log are in `folder`."""
        settings = {
            "bootstrap": bootstrap,
            "partitions": PARTITIONS,
            "state_dir": str(folder / self.group),
            "instance": instance,
            **self.settings,
            **more,
        }
        return WorkerProcess(self.program, settings, folder / f"{self.group}-{instance}.log")

    def create_topics(self, bootstrap: str) -> None:
        """Create its topics, with the settings that ours have."""
        if not self.prefix:
            apply_topics(bootstrap, PARTITIONS)
            return
        wanted = [NewTopic(self.topic(each), PARTITIONS, 1, config=dict(each.settings)) for each in USED]
        admin = AdminClient(client_settings(bootstrap, "bench"), logger=LIBRDKAFKA_LOG)
        for created in admin.create_topics(wanted).values():
            created.result(CREATE_S_MAX)


CREATE_S_MAX = 30.0
USED = (topics.PAYMENT_COMMANDS, topics.RAIL_REPORTS, topics.PAYMENT_EVENTS, topics.PAYMENT_REJECTIONS)

OURS = Contestant(
    name="directpay",
    group="bench-directpay",
    prefix="",
    program="bench.own_worker",
    reads_committed=True,
    settings={"group": "bench-directpay", "log_level": "WARNING"},
    warm_up=2_000,
)

# Its transactions cover offsets, events and state, as ours do.
KAFKA_STREAMS = Contestant(
    name="Kafka Streams, exactly_once_v2",
    group="kafka-streams",
    prefix="kafka-streams-",
    program="bench.peers.kafka_streams.worker",
    reads_committed=True,
    settings={"name": "kafka-streams"},
    # Until Java's compiler has nothing more to do: see docs/performance.md.
    warm_up=60_000,
    install=java_command,
)


def stock(guarantee: str, *, confirmed: bool = True) -> Contestant:
    """Return stock Faust with one of its guarantees.

    Unconfirmed it does not wait for the broker to have an event before it goes on: faster, and another promise.
    """
    group = f"stock-{guarantee.replace('_', '-')}{'' if confirmed else '-unconfirmed'}"
    return Contestant(
        name=f"stock Faust, {guarantee}{'' if confirmed else ', unconfirmed'}",
        group=group,
        prefix=f"{group}-",
        program="bench.peers.stock_faust.worker",
        reads_committed=guarantee == "exactly_once",
        settings={"name": group, "guarantee": guarantee, "confirmed": confirmed},
        warm_up=200,
        # About ten times slower: with as many payments it alone would take most of the time.
        share=10,
    )


AT_LEAST_ONCE, EXACTLY_ONCE = stock("at_least_once"), stock("exactly_once")
UNCONFIRMED = stock("at_least_once", confirmed=False)
