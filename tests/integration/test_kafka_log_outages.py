"""kafka_log while its broker is killed, paused and started again; and the topics on a broker that has none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Message
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from kafka_log.fold import LogFold
from kafka_log.producer import LogProducer, LogUnavailable, OutRecord
from kafka_log.reader import LogReader
from kafka_log.topics_admin import TopicsUnfit, apply_topics, check_topics, min_insync_replicas, require_partitions
from schemas.topics import PAYMENT_COMMANDS, PAYMENT_REJECTIONS, TOPICS
from tests.integration.own_broker import OwnBroker

PARTITIONS = 4
TOPIC = PAYMENT_COMMANDS.name
BOUND_S = 3.0
# What a busy machine may add to a bound.
SLACK_S = 3.0
WAIT_S_MAX = 60.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    own = OwnBroker(tmp_path_factory.mktemp("broker"))
    own.start()
    yield own
    own.kill()


@pytest.fixture
def producer(broker: OwnBroker) -> Iterator[LogProducer]:
    opened = LogProducer(broker.bootstrap, client_id="test", delivery_timeout_s=BOUND_S)
    yield opened
    opened.close(1.0)


@pytest.fixture
def fold_of(broker: OwnBroker) -> Iterator[Callable[[Callable[[str, Message], None]], LogFold]]:
    folds: list[LogFold] = []

    def start(apply: Callable[[str, Message], None]) -> LogFold:
        folds.append(LogFold(broker.bootstrap, [TOPIC], apply, client_id="test-fold"))
        folds[-1].start()
        return folds[-1]

    yield start
    for fold in folds:
        fold.stop()


def record(key: str) -> OutRecord:
    return OutRecord(topic=TOPIC, key=key, value=b"x")


def send_until_heard(producer: LogProducer, key: str) -> None:
    """Send as a patient caller does, under the same key until it is acknowledged."""
    deadline = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            producer.send_all_blocking([record(key)])
        except LogUnavailable:
            assert time.monotonic() < deadline, "the producer did not find the broker again"
        else:
            return


def keys_on(bootstrap: str) -> list[str]:
    reader = LogReader(bootstrap, client_id="keys")
    ends = reader.end_offsets(TOPIC)
    reader.assign({(TOPIC, partition): 0 for partition in ends})
    found: list[str] = []
    deadline = time.monotonic() + WAIT_S_MAX
    while any(reader.positions[TOPIC, partition] < end for partition, end in ends.items()):
        assert time.monotonic() < deadline, "the end was not reached"
        found += [key.decode() for message in reader.read(5000, 0.2) if isinstance(key := message.key(), bytes)]
    reader.close()
    return found


# The topics: in order, from a broker without any.


def test_missing_topics_are_told_and_waited_for_no_longer_than_asked(broker: OwnBroker) -> None:
    assert check_topics(broker.bootstrap, PARTITIONS) == [f"{topic.name} does not exist" for topic in TOPICS]
    started = time.monotonic()
    with pytest.raises(TopicsUnfit, match="payment-commands"):
        require_partitions(broker.bootstrap, PARTITIONS, timeout_s=1)
    assert time.monotonic() - started < 1 + SLACK_S


def test_topics_can_be_applied_twice_at_once_while_a_process_waits_for_them(broker: OwnBroker) -> None:
    def apply() -> None:
        apply_topics(broker.bootstrap, PARTITIONS)
        done.append("applied")

    def wait() -> None:
        require_partitions(broker.bootstrap, PARTITIONS)
        done.append("waited")

    done: list[str] = []
    threads = [threading.Thread(target=work) for work in (wait, apply, apply)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["applied", "applied", "waited"]
    assert check_topics(broker.bootstrap, PARTITIONS) == []


def test_a_setting_that_was_changed_is_told_and_mended(broker: OwnBroker) -> None:
    changed = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[changed])
    # In a variable: an answer does not keep the client alive that it comes through.
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    (answer,) = admin.incremental_alter_configs([resource]).values()
    answer.result()
    expected = ["payment-commands: retention.ms is 1000, not -1"]
    wait_for(lambda: check_topics(broker.bootstrap, PARTITIONS) == expected)
    apply_topics(broker.bootstrap, PARTITIONS)
    wait_for(lambda: check_topics(broker.bootstrap, PARTITIONS) == [])


def test_another_number_of_copies_is_refused_before_any_setting_changes(broker: OwnBroker) -> None:
    with pytest.raises(TopicsUnfit, match="payment-events has a replication factor of 1, not 3"):
        apply_topics(broker.bootstrap, PARTITIONS, replication_factor=3)
    # A minimum of two in-sync copies where there is one would have stopped every write.
    assert check_topics(broker.bootstrap, PARTITIONS) == []
    assert check_topics(broker.bootstrap, PARTITIONS, replication_factor=3) == [
        f"{topic.name} has a replication factor of 1, not 3" for topic in TOPICS
    ]


def test_more_in_sync_copies_than_there_are_is_told_and_mended(broker: OwnBroker) -> None:
    changed = ConfigEntry("min.insync.replicas", "2", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[changed])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    (answer,) = admin.incremental_alter_configs([resource]).values()
    answer.result()
    expected = ["payment-commands: min.insync.replicas is 2, not 1"]
    wait_for(lambda: check_topics(broker.bootstrap, PARTITIONS) == expected)
    apply_topics(broker.bootstrap, PARTITIONS)
    wait_for(lambda: check_topics(broker.bootstrap, PARTITIONS) == [])


def test_one_copy_may_be_lost_where_there_are_several() -> None:
    assert [min_insync_replicas(copies) for copies in (1, 2, 3, 4)] == [1, 1, 2, 2]


def test_another_number_of_partitions_is_refused_everywhere(broker: OwnBroker) -> None:
    with pytest.raises(TopicsUnfit, match="payment-commands has 4 partitions, not 8"):
        require_partitions(broker.bootstrap, 8)
    with pytest.raises(TopicsUnfit, match="payment-events has 4 partitions, not 8"):
        apply_topics(broker.bootstrap, 8)
    differences = check_topics(broker.bootstrap, 8)
    assert [text.split()[0] for text in differences] == [topic.name for topic in TOPICS if topic.co_partitioned]
    assert not any(text.startswith(PAYMENT_REJECTIONS.name) for text in differences)


def test_a_broker_that_does_not_answer_is_told_in_time() -> None:
    for ask in (apply_topics, check_topics, require_partitions):
        started = time.monotonic()
        with pytest.raises(TopicsUnfit, match="cannot be reached"):
            ask("127.0.0.1:1", PARTITIONS, timeout_s=1)
        assert time.monotonic() - started < 1 + SLACK_S


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < deadline


# Outages.


def test_what_was_given_up_while_the_broker_was_dead_is_never_written(broker: OwnBroker, producer: LogProducer) -> None:
    async def send_each() -> list[BaseException | object]:
        return await asyncio.gather(*(producer.send(record(f"lost-{n}")) for n in range(50)), return_exceptions=True)

    send_until_heard(producer, "before")
    broker.kill()
    started = time.monotonic()
    outcomes = asyncio.run(send_each())
    assert time.monotonic() - started < BOUND_S + SLACK_S
    assert all(isinstance(outcome, LogUnavailable) for outcome in outcomes)
    broker.start()
    send_until_heard(producer, "after")
    # Whatever the client still had for this broker would have come before this.
    send_until_heard(producer, "last")
    keys = keys_on(broker.bootstrap)
    assert {"before", "after", "last"} <= set(keys)
    assert not [key for key in keys if key.startswith("lost-")]


def test_a_paused_broker_costs_a_caller_the_bound_and_no_more(broker: OwnBroker, producer: LogProducer) -> None:
    send_until_heard(producer, "before the pause")
    broker.pause()
    try:
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(LogUnavailable) as caught:
                asyncio.run(producer.send_all([record("paused-1"), record("paused-2")]))
            assert time.monotonic() - started < BOUND_S + SLACK_S
            assert caught.value.positions == (None, None)
    finally:
        broker.resume()
    send_until_heard(producer, "after the pause")
    assert "after the pause" in keys_on(broker.bootstrap)


def test_a_producer_that_never_met_its_broker_says_so_in_time_and_meets_it_later(broker: OwnBroker) -> None:
    broker.kill()
    producer = LogProducer(broker.bootstrap, client_id="early", delivery_timeout_s=BOUND_S)
    started = time.monotonic()
    with pytest.raises(LogUnavailable):
        producer.send_all_blocking([record("too early")])
    assert time.monotonic() - started < BOUND_S + SLACK_S
    broker.start()
    send_until_heard(producer, "in time")
    producer.close()
    assert "too early" not in keys_on(broker.bootstrap)


def test_more_than_the_queue_holds_is_given_up_in_time(broker: OwnBroker, producer: LogProducer) -> None:
    broker.kill()
    records = [record("too many")] * 250_000
    started = time.monotonic()
    with pytest.raises(LogUnavailable) as caught:
        producer.send_all_blocking(records)
    # Handing over this many takes seconds of its own on a busy machine.
    assert time.monotonic() - started < BOUND_S + 2 * SLACK_S
    assert len(caught.value.positions) == 250_000
    broker.start()
    send_until_heard(producer, "there is room again")
    assert "too many" not in keys_on(broker.bootstrap)


def test_what_found_no_room_before_its_caller_gave_up_is_never_written(broker: OwnBroker) -> None:
    bound_s = 5.0
    producer = LogProducer(broker.bootstrap, client_id="full", delivery_timeout_s=bound_s)

    async def fill_then_send() -> Sequence[object]:
        big = b"x" * 900_000
        filling = [OutRecord(topic=TOPIC, key="filling", value=big, partition=0)] * 300
        late = OutRecord(topic=TOPIC, key="late", value=big, partition=1)
        first = asyncio.ensure_future(producer.send_all(filling))
        # The second call is still waiting when the first one's records are overdue, and there is room again.
        await asyncio.wait([first], timeout=bound_s / 3)
        return await asyncio.gather(first, producer.send(late), return_exceptions=True)

    send_until_heard(producer, "before the pause")
    broker.pause()
    try:
        started = time.monotonic()
        outcomes = asyncio.run(fill_then_send())
        assert time.monotonic() - started < bound_s * 4 / 3 + SLACK_S
        assert [type(outcome) for outcome in outcomes] == [LogUnavailable, LogUnavailable]
    finally:
        broker.resume()
    send_until_heard(producer, "after the pause")
    producer.close()
    assert "late" not in keys_on(broker.bootstrap)


def test_closing_does_not_wait_for_a_dead_broker(broker: OwnBroker) -> None:
    producer = LogProducer(broker.bootstrap, client_id="closing", delivery_timeout_s=30)
    send_until_heard(producer, "before")
    broker.kill()
    outcomes: list[BaseException] = []

    def send() -> None:
        try:
            producer.send_all_blocking([record("given up")])
        except LogUnavailable as error:
            outcomes.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    sending.join(0.3)
    started = time.monotonic()
    producer.close(1.0)
    assert time.monotonic() - started < 2 + SLACK_S
    sending.join(SLACK_S)
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable]
    broker.start()


def test_a_fold_goes_on_after_a_restart_and_gives_each_record_once(
    broker: OwnBroker, producer: LogProducer, fold_of: Callable[..., LogFold]
) -> None:
    given: list[tuple[int | None, int | None]] = []
    fold = fold_of(lambda _, message: given.append((message.partition(), message.offset())))
    send_until_heard(producer, "before the restart")
    assert fold.catch_up(WAIT_S_MAX)
    broker.kill()
    assert not fold.catch_up(0.5), "nobody can say what the end is"
    broker.start()
    send_until_heard(producer, "after the restart")
    assert fold.catch_up(WAIT_S_MAX)
    assert fold.ready
    assert len(given) == len(set(given)) == len(keys_on(broker.bootstrap))
    for partition in range(PARTITIONS):
        offsets = [offset for number, offset in given if number == partition]
        assert offsets == list(range(len(offsets)))


def test_a_paused_broker_holds_the_barrier_up_no_longer_than_asked(
    broker: OwnBroker, producer: LogProducer, fold_of: Callable[..., LogFold]
) -> None:
    keys: list[bytes | str | None] = []
    fold = fold_of(lambda _, message: keys.append(message.key()))
    assert fold.wait_ready(WAIT_S_MAX)
    broker.pause()
    try:
        started = time.monotonic()
        assert not fold.catch_up(0.7), "a barrier that nobody answers for is none"
        assert time.monotonic() - started < 0.7 + SLACK_S
    finally:
        broker.resume()
    send_until_heard(producer, "after the barrier")
    assert fold.catch_up(WAIT_S_MAX)
    assert b"after the barrier" in keys


def test_a_fold_that_starts_before_its_broker_becomes_ready_with_it(
    broker: OwnBroker, fold_of: Callable[..., LogFold]
) -> None:
    broker.kill()
    given: list[Message] = []
    fold = fold_of(lambda _, message: given.append(message))
    assert not fold.wait_ready(0.5)
    broker.start()
    assert fold.wait_ready(WAIT_S_MAX)
    assert len(given) >= len(keys_on(broker.bootstrap))


def test_topics_of_another_making_are_left_alone(broker: OwnBroker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic("somebody-else-s", 1, 1)])["somebody-else-s"].result()
    apply_topics(broker.bootstrap, PARTITIONS)
    assert check_topics(broker.bootstrap, PARTITIONS) == []
