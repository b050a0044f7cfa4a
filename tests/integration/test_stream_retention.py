"""Input lives until it is decided and some time longer; what is gone before that stops the worker, until accepted."""

from __future__ import annotations

import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from msgspec.structs import replace

from kafka_log.connection import client_settings
from kafka_log.reader import beginnings
from kafka_log.topics_admin import apply_topics
from payments.commands import InitiatePayment
from schemas import topics
from schemas.partitioning import partition_of
from stream_app.exactly_once.fail_stop import EXIT_CODE
from stream_app.exactly_once.retention import Retention
from tests.integration.own_broker import OwnBroker
from tests.integration.stream_worker import PARTITIONS, Stage, Worker, ends, eventually, free_port
from tests.unit.payments.histories import MARCH

COMMANDS = topics.PAYMENT_COMMANDS.name
WAIT_S_MAX = 60.0
TRIM_EVERY_S = 0.2
# No registry answers here, so that nobody can say whether this schema exists: its lane waits.
OF_UNKNOWN_SCHEMA = b"\0\0\0\x99\x99hello"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    """A broker of our own: here all that is decided is deleted, and more."""
    broker = OwnBroker(tmp_path_factory.mktemp("broker"))
    broker.start()
    apply_topics(broker.bootstrap, PARTITIONS)
    yield broker
    broker.kill()


@pytest.fixture
def admin(broker: OwnBroker) -> AdminClient:
    return AdminClient(client_settings(broker.bootstrap, "test-admin"))


@pytest.fixture
def stage(broker: OwnBroker, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(broker.bootstrap, tmp_path)
    yield stage
    stage.close()


def pay(stage: Stage, key: str) -> InitiatePayment:
    return replace(MARCH, tenant_id=stage.tenant, idempotency_key=key, command_id=str(uuid.uuid4()))


def send_orders(stage: Stage, word: str, count: int = 80) -> None:
    for number in range(count):
        stage.order(pay(stage, f"{word}-{number}"))
    stage.sent()


def begins(admin: AdminClient) -> dict[int, int]:
    found = beginnings(admin, [(COMMANDS, number) for number in range(PARTITIONS)])
    return {number: offset for (_, number), offset in found.items()}


def delete_before(admin: AdminClient, offsets: dict[int, int]) -> None:
    requests = [TopicPartition(COMMANDS, number, offset) for number, offset in offsets.items()]
    for deleting in admin.delete_records(requests).values():
        deleting.result()


def deleted_to(worker: Worker) -> dict[int, int]:
    """Return what the worker says that it has deleted, by partition of the commands."""
    said = re.findall(
        rf'directpay_stream_deleted_to_offset{{partition="(\d+)",topic="{COMMANDS}"}} ([\d.e+]+)', worker.metrics()
    )
    return {int(number): int(float(offset)) for number, offset in said}


def refused_gaps(worker: Worker) -> str:
    """Return the gaps that a worker names which has refused to go on."""
    assert worker.wait_exit(WAIT_S_MAX) == EXIT_CODE
    [gaps] = re.findall(r"DIRECTPAY_STREAM_ACCEPT_GAP=([^\"]+)", worker.tail())
    return str(gaps)


def test_old_input_is_deleted_once_it_is_decided_and_not_before(stage: Stage, admin: AdminClient) -> None:
    registry = f"http://127.0.0.1:{free_port()}"
    worker = stage.worker(input_kept_s=0, trim_every_s=TRIM_EVERY_S, schema_registry_url=registry).wait_ready()
    waiting = partition_of("waiting", PARTITIONS)
    send_orders(stage, "before")
    stage.wait_decided()
    undecided = ends(stage.bootstrap, COMMANDS)[waiting]
    stage.send(COMMANDS, "waiting", OF_UNKNOWN_SCHEMA)
    send_orders(stage, "behind")

    def expected() -> dict[int, int]:
        return ends(stage.bootstrap, COMMANDS) | {waiting: undecided}

    eventually(lambda: begins(admin) == expected(), WAIT_S_MAX, lambda: f"{begins(admin)}, not {expected()}")
    # What comes and goes elsewhere proves that the waiting partition is trimmed again and again, and left as it is.
    for word in ("again", "and again"):
        send_orders(stage, word)
        eventually(lambda: begins(admin) == expected(), WAIT_S_MAX, lambda: f"{begins(admin)}, not {expected()}")
    assert deleted_to(worker) == begins(admin)


def test_input_that_is_not_old_enough_is_kept(stage: Stage, admin: AdminClient) -> None:
    before = begins(admin)
    worker = stage.worker(input_kept_s=3600, trim_every_s=TRIM_EVERY_S).wait_ready()
    send_orders(stage, "young")
    stage.wait_decided()

    eventually(lambda: len(deleted_to(worker)) == PARTITIONS, WAIT_S_MAX, worker.tail)
    assert deleted_to(worker) == begins(admin) == before


def test_input_that_is_gone_undecided_stops_the_worker_until_its_loss_is_accepted_and_recorded(
    stage: Stage, admin: AdminClient
) -> None:
    stage.worker().wait_ready()
    send_orders(stage, "decided")
    stage.wait_decided()
    stage.workers[0].kill()
    committed = ends(stage.bootstrap, COMMANDS)
    send_orders(stage, "lost", 400)
    end = ends(stage.bootstrap, COMMANDS)
    delete_before(admin, {3: end[3], 5: end[5] - 1})
    gone = f"{COMMANDS}-3:{committed[3]}-{end[3] - 1},{COMMANDS}-5:{committed[5]}-{end[5] - 2}"

    assert refused_gaps(stage.worker()) == gone
    # Another gap than the one that is there is not this one.
    other = f"{COMMANDS}-3:{committed[3]}-{end[3]}"
    assert refused_gaps(stage.worker(accept_gap=other)) == gone
    assert not stage.rejections()

    stage.worker(accept_gap=gone).wait_ready()
    stage.wait_decided()
    stage.workers[-1].kill()
    # The setting may stay: what it names is behind.
    stage.worker(accept_gap=gone).wait_ready()
    send_orders(stage, "after")
    stage.wait_decided()

    recorded = sorted((each.partition, each.offset, each.reason, each.topic) for each in stage.rejections())
    assert recorded == [(3, committed[3], "input-gone", COMMANDS), (5, committed[5], "input-gone", COMMANDS)]
    keys = set(stage.histories())
    assert {f"after-{number}" for number in range(80)} <= keys
    lost = end[3] - committed[3] + end[5] - 1 - committed[5]
    assert sum(key.startswith("lost-") for key in keys) == 400 - lost


def test_a_group_without_offsets_does_not_pass_over_a_beginning_that_is_gone(stage: Stage, admin: AdminClient) -> None:
    send_orders(stage, "forgotten")
    delete_before(admin, ends(stage.bootstrap, COMMANDS))
    group = f"stream-test-{uuid.uuid4().hex[:8]}"

    gaps = refused_gaps(stage.worker(group=group))

    assert set(gaps.split(",")) >= {f"{COMMANDS}-{number}:0-{end - 1}" for number, end in begins(admin).items()}
    stage.worker(group=group, accept_gap=gaps).wait_ready()


def test_input_that_is_deleted_in_front_of_a_running_worker_stops_it(stage: Stage, admin: AdminClient) -> None:
    worker = stage.worker().wait_ready()
    send_orders(stage, "seen")
    stage.wait_decided()
    worker.signal(signal.SIGSTOP)
    # The fetch that is under way may bring what is written first; a stopped worker asks for nothing else.
    for lot in ("on the way", "unseen"):
        send_orders(stage, lot)
        delete_before(admin, ends(stage.bootstrap, COMMANDS))
    worker.signal(signal.SIGCONT)

    assert worker.wait_exit(WAIT_S_MAX) == EXIT_CODE
    assert "OffsetOutOfRangeError" in worker.tail()
    assert f"{COMMANDS}-" in refused_gaps(stage.worker())


def test_trimming_goes_on_after_the_broker_was_away(broker: OwnBroker, admin: AdminClient) -> None:
    topic = f"input-{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    decided_to: dict[tuple[str, int], int] = {}
    retention = Retention(
        broker.bootstrap,
        client_id="test-retention",
        kept_s=0,
        decided_to=lambda: dict(decided_to),
        every_s=TRIM_EVERY_S,
    )

    def decide(count: int) -> int:
        """Write records, of which all but the last are decided; return that one's offset."""
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        for number in range(count):
            producer.produce(topic, str(number).encode())
        assert producer.flush(30) == 0
        decided_to[topic, 0] = ends(broker.bootstrap, topic)[0] - 1
        return decided_to[topic, 0]

    def begin() -> int:
        return beginnings(admin, [(topic, 0)])[topic, 0]

    retention.start()
    try:
        first = decide(10)
        eventually(lambda: begin() == first, WAIT_S_MAX, lambda: f"{begin()}, not {first}")
        broker.kill()
        broker.start()
        second = decide(10)
        eventually(lambda: begin() == second, WAIT_S_MAX, lambda: f"{begin()}, not {second}")
    finally:
        retention.stop()
