"""The Kafka Streams peer decides as ours does: also what no run of the bench sends it, or it would have less to do."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from bench.broker import PARTITIONS
from bench.contestants import KAFKA_STREAMS, Contestant
from bench.inputs import Life, lives, producer_of, write
from bench.judge import event_id, expected_events, read_to_end
from bench.worker_process import WorkerProcess
from payments.commands import CancelPayment, InitiatePayment, RailReport, Report
from payments.decision import Moved
from payments.lifecycle import decide
from payments.payment import Payment
from payments.rejection import Rejection
from schemas import codec, topics
from schemas.partitioning import partition_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

WAIT_S_MAX = 120.0
T = TypeVar("T")


@pytest.fixture(scope="module")
def peer() -> Contestant:
    name = f"kafka-streams-{uuid.uuid4().hex[:8]}"
    return replace(KAFKA_STREAMS, group=name, prefix=f"{name}-", settings={"name": name})


@pytest.fixture(scope="module")
def worker(kafka_bootstrap: str, peer: Contestant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    folder: Path = tmp_path_factory.mktemp("peer")
    peer.install(print)
    peer.create_topics(kafka_bootstrap)
    worker = peer.worker(kafka_bootstrap, folder).start()
    try:
        worker.wait_ready()
        yield worker
        worker.stop()
    finally:
        worker.kill()


@pytest.fixture
def life() -> Life:
    return next(lives(uuid.uuid4().hex[:8], 1))


class Case:
    """What one test sends the peer and what it finds of it."""

    def __init__(self, bootstrap: str, peer: Contestant) -> None:
        self._bootstrap = bootstrap
        self._peer = peer

    def send(self, topic: topics.Topic, *values: InitiatePayment | CancelPayment | RailReport) -> None:
        self.send_raw(topic, *((value.key, codec.encode(value)) for value in values))

    def send_raw(self, topic: topics.Topic, *messages: tuple[str, bytes]) -> None:
        write(producer_of(self._bootstrap), self._peer.topic(topic), messages)

    def events(self, payment_id: str, count: int) -> list[bytes]:
        """Return a payment's events when there are as many; more than that are returned, too."""

        def found() -> list[bytes]:
            messages = read_to_end(self._bootstrap, self._peer.topic(topics.PAYMENT_EVENTS), _FROM_START)
            return [message.value() or b"" for message in messages if event_id(message)[0] == payment_id]

        return _when(found, lambda values: len(values) >= count)

    def refusal(self, key: str) -> Rejection:
        def found() -> list[Rejection]:
            messages = read_to_end(self._bootstrap, self._peer.topic(topics.PAYMENT_REJECTIONS), _FROM_START)
            rejections = [codec.decode(message.value()) for message in messages if message.key() == key.encode()]
            return [each for each in rejections if isinstance(each, Rejection)]

        (refusal,) = _when(found, bool)
        return refusal


_FROM_START = dict.fromkeys(range(PARTITIONS), 0)


def _when(found: Callable[[], T], enough: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + WAIT_S_MAX
    while not enough(result := found()):
        assert time.monotonic() < deadline, f"only {result}"
    return result


@pytest.fixture
def case(kafka_bootstrap: str, peer: Contestant, worker: WorkerProcess) -> Case:
    return Case(kafka_bootstrap, peer)


def test_what_is_sent_again_changes_nothing(case: Case, life: Life) -> None:
    payment_id = life.order.payment_id
    case.send(topics.PAYMENT_COMMANDS, life.order, life.order)
    case.events(payment_id, 1)
    case.send(topics.RAIL_REPORTS, life.claimed, life.claimed, life.settled, life.settled)
    case.events(payment_id, 3)
    # What comes behind on the same partition is decided after it.
    case.send(topics.PAYMENT_COMMANDS, life.order, msgspec.structs.replace(life.order, amount_minor=1))
    assert case.refusal(life.order.key).reason == "idempotency-key-reused"
    assert case.events(payment_id, 3) == list(expected_events(life))


def test_a_stray_is_decided_where_it_belongs(case: Case, life: Life, kafka_bootstrap: str, peer: Contestant) -> None:
    right = partition_of(life.order.key, PARTITIONS)
    producer = producer_of(kafka_bootstrap)
    producer.produce(
        peer.topic(topics.PAYMENT_COMMANDS),
        key=life.order.key,
        value=codec.encode(life.order),
        partition=(right + 1) % PARTITIONS,
    )
    producer.flush(30)
    assert case.events(life.order.payment_id, 1) == [next(expected_events(life))]


def test_failures_returns_and_cancels_are_ours_to_the_byte(case: Case, life: Life) -> None:
    order = msgspec.structs.replace(
        life.order, effective_date="2026-04-01", description='Rent\t"März"', metadata_json='{"unit":"4B"}'
    )
    report = msgspec.structs.replace(
        life.claimed, report=Report.REJECTED, code="R01", reason="no funds", amount_minor=7
    )
    case.send(topics.PAYMENT_COMMANDS, order)
    case.events(order.payment_id, 1)
    case.send(topics.RAIL_REPORTS, report)
    assert case.events(order.payment_id, 2) == _decided(order, report)

    (other,) = lives(uuid.uuid4().hex[:8], 1)
    cancel = CancelPayment(
        tenant_id=other.order.tenant_id,
        idempotency_key=other.order.idempotency_key,
        cancel_key="stop",
        requested_at_us=other.order.requested_at_us,
    )
    case.send(topics.PAYMENT_COMMANDS, other.order, cancel)
    assert case.events(other.order.payment_id, 2) == _decided(other.order, cancel)


def test_what_cannot_be_obeyed_is_refused_with_its_reason(case: Case, life: Life) -> None:
    case.send(topics.RAIL_REPORTS, life.claimed)
    assert case.refusal(life.claimed.key).reason == "payment-unknown"

    (garbled, invalid, moved) = lives(uuid.uuid4().hex[:8], 3)
    case.send_raw(topics.PAYMENT_COMMANDS, (garbled.order.key, b"\x00\x00\x00\x00\x01garbage"))
    assert case.refusal(garbled.order.key).reason == "undecodable"

    broken = codec.encode(invalid.order).replace(b"\x06USD", b"\x06EUR")
    case.send_raw(topics.PAYMENT_COMMANDS, (invalid.order.key, broken))
    refusal = case.refusal(invalid.order.key)
    assert (refusal.reason, [error.field for error in refusal.errors]) == ("invalid-command", ["currency"])
    assert (refusal.raw, refusal.payment_id) == (broken, invalid.order.payment_id)

    case.send_raw(topics.PAYMENT_COMMANDS, (moved.order.key, codec.encode(life.order)))
    assert case.refusal(moved.order.key).reason == "key-mismatch"


def _decided(*orders: InitiatePayment | CancelPayment | RailReport) -> list[bytes]:
    payment: Payment | None = None
    events = []
    for order in orders:
        decision = decide(order, payment)
        assert isinstance(decision, Moved)
        payment = decision.payment
        events.append(codec.encode(payment))
    return events
