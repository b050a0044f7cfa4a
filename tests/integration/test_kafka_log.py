"""kafka_log on a real Kafka in good health: positions, order, committed records only, barriers."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from kafka_log.connection import LIBRDKAFKA_LOG, producer_settings
from kafka_log.fold import LogFold
from kafka_log.producer import LogProducer, LogUnavailable, OutRecord, RecordTooLarge
from kafka_log.reader import LogGap, LogReader
from schemas.partitioning import partition_of

PARTITIONS = 4
WAIT_S_MAX = 20.0


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    """A compacted topic of one test's own."""
    name = f"log-{uuid.uuid4().hex[:12]}"
    make_topic(kafka_bootstrap, name)
    return name


def make_topic(bootstrap: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = NewTopic(name, PARTITIONS, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([wanted], operation_timeout=WAIT_S_MAX)[name].result()


@pytest.fixture
def producer(kafka_bootstrap: str) -> Iterator[LogProducer]:
    opened = LogProducer(kafka_bootstrap, client_id="test", delivery_timeout_s=10)
    yield opened
    opened.close()


@pytest.fixture
def reader(kafka_bootstrap: str) -> Iterator[LogReader]:
    opened = LogReader(kafka_bootstrap, client_id="test-reader")
    yield opened
    opened.close()


@pytest.fixture
def fold_of(kafka_bootstrap: str) -> Iterator[Callable[..., LogFold]]:
    """Start folds that end with the test."""
    folds: list[LogFold] = []

    def start(topics: list[str], apply: Callable[[str, Message], None]) -> LogFold:
        fold = LogFold(kafka_bootstrap, topics, apply, client_id="test-fold")
        folds.append(fold)
        fold.start()
        return fold

    yield start
    for fold in folds:
        fold.stop()


def transactional(bootstrap: str) -> Producer:
    opened = Producer(
        producer_settings(bootstrap, "t", linger_ms=0) | {"transactional.id": uuid.uuid4().hex}, logger=LIBRDKAFKA_LOG
    )
    opened.init_transactions(WAIT_S_MAX)
    return opened


def read_all(reader: LogReader, topic: str) -> list[Message]:
    """Return every committed record of the topic up to its present end."""
    ends = reader.end_offsets(topic)
    reader.assign({(topic, partition): 0 for partition in ends})
    found: list[Message] = []
    deadline = time.monotonic() + WAIT_S_MAX
    while any(reader.positions[topic, partition] < end for partition, end in ends.items()):
        assert time.monotonic() < deadline, "the end was not reached"
        found += reader.read(1000, 0.2)
    return found


def record(topic: str, key: str, value: bytes | None = b"x", partition: int | None = None) -> OutRecord:
    return OutRecord(topic=topic, key=key, value=value, partition=partition)


# The producer.


def test_a_record_stands_where_the_producer_says_on_the_partition_of_its_key(
    topic: str, producer: LogProducer, reader: LogReader
) -> None:
    sent = [record(topic, f"demo:schlüssel-{number}", str(number).encode()) for number in range(200)]
    positions = asyncio.run(producer.send_all(sent))
    found = {(message.partition(), message.offset()): message for message in read_all(reader, topic)}
    assert len(found) == 200
    for one, position in zip(sent, positions, strict=True):
        message = found[position.partition, position.offset]
        assert (message.key(), message.value()) == (one.key.encode(), one.value)
        assert position.topic == topic
        assert position.partition == partition_of(one.key, PARTITIONS)


def test_a_given_partition_headers_and_tombstones_are_kept(
    topic: str, producer: LogProducer, reader: LogReader
) -> None:
    elsewhere = (partition_of("k", PARTITIONS) + 1) % PARTITIONS
    headers = [("ce_id", b"1"), ("ce_id", b"2"), ("traceparent", b"\xff")]
    sent = OutRecord(topic=topic, key="k", value=None, headers=headers, partition=elsewhere)
    position = asyncio.run(producer.send(sent))
    assert position.partition == elsewhere
    (message,) = read_all(reader, topic)
    assert message.value() is None
    assert message.headers() == headers


def test_records_of_one_partition_stay_in_order(topic: str, producer: LogProducer) -> None:
    positions = asyncio.run(producer.send_all([record(topic, "k", partition=0) for _ in range(3000)]))
    assert [position.offset for position in positions] == list(range(3000))


def test_many_calls_wait_at_once_and_each_hears_of_its_own_record(
    topic: str, producer: LogProducer, reader: LogReader
) -> None:
    async def send_many() -> list[int]:
        async def one(number: int) -> int:
            position = await producer.send(record(topic, f"k{number}", str(number).encode()))
            found[position.partition, position.offset] = str(number).encode()
            return number

        return await asyncio.gather(*(one(number) for number in range(2000)))

    found: dict[tuple[int, int], bytes] = {}
    assert asyncio.run(send_many()) == list(range(2000))
    assert {(m.partition(), m.offset()): m.value() for m in read_all(reader, topic)} == found


def test_threads_and_event_loops_share_a_producer(topic: str, producer: LogProducer, reader: LogReader) -> None:
    def send(blocking: bool) -> None:
        records = [record(topic, f"{threading.get_ident()}-{number}") for number in range(300)]
        counts.append(len(producer.send_all_blocking(records) if blocking else asyncio.run(producer.send_all(records))))

    counts: list[int] = []
    threads = [threading.Thread(target=send, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [300] * 6
    assert len(read_all(reader, topic)) == 1800


def test_nothing_to_send_is_sent_at_once(producer: LogProducer) -> None:
    assert asyncio.run(producer.send_all([])) == []
    assert producer.send_all_blocking([]) == []


def test_a_caller_that_goes_away_disturbs_nobody(topic: str, producer: LogProducer) -> None:
    async def leave_and_stay() -> int:
        leaving = [asyncio.create_task(producer.send(record(topic, "gone"))) for _ in range(50)]
        staying = [asyncio.create_task(producer.send(record(topic, "stays"))) for _ in range(50)]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        ended = await asyncio.gather(*leaving, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in ended)
        return len(await asyncio.gather(*staying))

    assert asyncio.run(leave_and_stay()) == 50
    assert producer.failed is None


def test_of_a_call_with_a_record_that_is_too_large_nothing_is_sent(
    topic: str, producer: LogProducer, reader: LogReader
) -> None:
    with pytest.raises(RecordTooLarge):
        asyncio.run(producer.send_all([record(topic, "small"), record(topic, "large", bytes(1_000_000))]))
    asyncio.run(producer.send(record(topic, "largest", bytes(980_000))))
    assert [message.key() for message in read_all(reader, topic)] == [b"largest"]


def test_a_topic_that_does_not_exist_is_told_in_time(kafka_bootstrap: str) -> None:
    producer = LogProducer(kafka_bootstrap, client_id="test", delivery_timeout_s=2)
    started = time.monotonic()
    with pytest.raises(LogUnavailable) as caught:
        producer.send_all_blocking([record("no-such-topic", "k")])
    assert time.monotonic() - started < 5
    assert caught.value.positions == (None,)
    producer.close()


def test_a_closed_producer_refuses_at_once(topic: str, kafka_bootstrap: str) -> None:
    producer = LogProducer(kafka_bootstrap, client_id="test", delivery_timeout_s=10)
    producer.close()
    started = time.monotonic()
    with pytest.raises(LogUnavailable, match="closed"):
        producer.send_all_blocking([record(topic, "k")])
    assert time.monotonic() - started < 5


def test_closing_waits_for_what_was_handed_over(topic: str, kafka_bootstrap: str, reader: LogReader) -> None:
    producer = LogProducer(kafka_bootstrap, client_id="test", delivery_timeout_s=10, linger_ms=200)
    sending = threading.Thread(target=producer.send_all_blocking, args=([record(topic, "k")],))
    sending.start()
    sending.join(0.05)
    producer.close()
    sending.join()
    assert len(read_all(reader, topic)) == 1


# The reader.


def test_a_reader_begins_where_it_is_told_and_says_where_it_is(
    topic: str, producer: LogProducer, reader: LogReader
) -> None:
    asyncio.run(producer.send_all([record(topic, "k", str(number).encode(), partition=1) for number in range(10)]))
    reader.assign({(topic, 1): 7})
    found: list[Message] = []
    deadline = time.monotonic() + WAIT_S_MAX
    while len(found) < 3 and time.monotonic() < deadline:
        found += reader.read(2, 0.5)
    assert [message.value() for message in found] == [b"7", b"8", b"9"]
    assert reader.positions == {(topic, 1): 10}
    assert reader.end_offsets(topic) == {0: 0, 1: 10, 2: 0, 3: 0}
    assert reader.first_offsets(topic) == dict.fromkeys(range(PARTITIONS), 0)


def test_no_more_records_are_returned_than_asked_for(topic: str, producer: LogProducer, reader: LogReader) -> None:
    asyncio.run(producer.send_all([record(topic, "k", partition=0) for _ in range(100)]))
    reader.assign({(topic, 0): 0})
    sizes: list[int] = []
    deadline = time.monotonic() + WAIT_S_MAX
    while sum(sizes) < 100 and time.monotonic() < deadline:
        sizes.append(len(reader.read(7, 0.5)))
    assert sum(sizes) == 100
    assert max(sizes) <= 7


def test_what_is_not_committed_is_not_read_and_lies_behind_the_end(
    topic: str, producer: LogProducer, reader: LogReader, kafka_bootstrap: str
) -> None:
    asyncio.run(producer.send(record(topic, "before", partition=0)))
    transaction = transactional(kafka_bootstrap)
    transaction.begin_transaction()
    transaction.produce(topic, key="open", value=b"x", partition=0)
    transaction.flush(WAIT_S_MAX)
    everything = LogReader(kafka_bootstrap, client_id="uncommitted", isolation="read_uncommitted")
    assert reader.end_offsets(topic)[0] == 1
    assert everything.end_offsets(topic)[0] == 2
    everything.close()
    assert [message.key() for message in read_all(reader, topic)] == [b"before"]
    transaction.abort_transaction(WAIT_S_MAX)
    # Behind the aborted record and the marker of its abortion, which is written after the call has returned.
    deadline = time.monotonic() + WAIT_S_MAX
    while reader.end_offsets(topic)[0] != 3:
        assert time.monotonic() < deadline
    assert [message.key() for message in read_all(reader, topic)] == [b"before"]
    assert reader.positions[topic, 0] == 3


@pytest.mark.parametrize("offset", [2, 1000])
def test_an_offset_that_is_not_there_is_a_gap(
    topic: str, producer: LogProducer, reader: LogReader, kafka_bootstrap: str, offset: int
) -> None:
    asyncio.run(producer.send_all([record(topic, "k", partition=0) for _ in range(10)]))
    delete_before(kafka_bootstrap, topic, 5)
    reader.assign({(topic, 0): offset})
    with pytest.raises(LogGap, match=topic):
        read_for(reader, WAIT_S_MAX)


def read_for(reader: LogReader, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reader.read(10, 0.2)


def test_offset_0_means_the_beginning_that_is_left(
    topic: str, producer: LogProducer, reader: LogReader, kafka_bootstrap: str
) -> None:
    asyncio.run(producer.send_all([record(topic, "k", partition=0) for _ in range(10)]))
    delete_before(kafka_bootstrap, topic, 5)
    assert [message.offset() for message in read_all(reader, topic)] == [5, 6, 7, 8, 9]
    assert reader.first_offsets(topic)[0] == 5


def delete_before(bootstrap: str, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    setting = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    (altered,) = admin.incremental_alter_configs(
        [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[setting])]
    ).values()
    altered.result()
    place = TopicPartition(topic, 0, offset)
    deadline = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            admin.delete_records([place])[place].result()
        except KafkaException:
            # The policy takes a moment to arrive; a compacted topic's records cannot be deleted.
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_a_topic_that_does_not_exist_has_no_partitions(reader: LogReader) -> None:
    assert reader.partitions("no-such-topic") == []
    assert reader.end_offsets("no-such-topic") == {}


# The fold.


class Latest:
    """What a fold keeps here: the newest value of each key, and each record that it was given."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes | None] = {}
        self.given: list[tuple[str, int, int]] = []

    def apply(self, topic: str, message: Message) -> None:
        key, partition, offset = message.key(), message.partition(), message.offset()
        assert isinstance(key, bytes)
        assert partition is not None
        assert offset is not None
        self.values[key] = message.value()
        self.given.append((topic, partition, offset))


def test_a_fold_has_what_was_committed_with_tombstones_and_without_what_was_aborted(
    topic: str, producer: LogProducer, kafka_bootstrap: str, fold_of: Callable[..., LogFold]
) -> None:
    transaction = transactional(kafka_bootstrap)
    for number in range(20):
        transaction.begin_transaction()
        transaction.produce(topic, key=f"k{number}", value=b"committed" if number % 2 else b"aborted")
        transaction.flush(WAIT_S_MAX)
        if number % 2:
            transaction.commit_transaction(WAIT_S_MAX)
        else:
            transaction.abort_transaction(WAIT_S_MAX)
    asyncio.run(producer.send(record(topic, "k1", None)))
    latest = Latest()
    fold = fold_of([topic], latest.apply)
    assert fold.wait_ready(WAIT_S_MAX)
    expected: dict[bytes, bytes | None] = {f"k{number}".encode(): b"committed" for number in range(1, 20, 2)}
    assert latest.values == expected | {b"k1": None}
    # The last thing on some partitions is the marker of an abortion: the barrier must see behind it.
    assert fold.catch_up(WAIT_S_MAX)


def test_a_fold_reads_several_topics_each_record_once_and_in_order(
    topic: str, producer: LogProducer, kafka_bootstrap: str, fold_of: Callable[..., LogFold]
) -> None:
    other = f"{topic}-b"
    make_topic(kafka_bootstrap, other)
    sent = [record(name, f"k{number % 50}") for number in range(2000) for name in (topic, other)]
    producer.send_all_blocking(sent[:2000])
    latest = Latest()
    fold = fold_of([topic, other], latest.apply)
    producer.send_all_blocking(sent[2000:])
    assert fold.catch_up(WAIT_S_MAX)
    assert len(latest.given) == len(set(latest.given)) == len(sent)
    for name in (topic, other):
        for partition in range(PARTITIONS):
            offsets = [offset for place, number, offset in latest.given if (place, number) == (name, partition)]
            assert offsets == list(range(len(offsets)))


def test_after_catching_up_a_record_that_was_acknowledged_before_is_there(
    topic: str, producer: LogProducer, fold_of: Callable[..., LogFold]
) -> None:
    latest = Latest()
    fold = fold_of([topic], latest.apply)
    for number in range(150):
        producer.send_all_blocking([record(topic, f"k{number}")])
        assert fold.catch_up(WAIT_S_MAX)
        assert f"k{number}".encode() in latest.values


def test_after_catching_up_a_transaction_that_was_committed_before_is_there(
    topic: str, kafka_bootstrap: str, fold_of: Callable[..., LogFold]
) -> None:
    # A commit returns before its markers are on every partition: the last stable offset alone would be no barrier.
    latest = Latest()
    fold = fold_of([topic], latest.apply)
    transaction = transactional(kafka_bootstrap)
    for number in range(60):
        transaction.begin_transaction()
        for partition in range(PARTITIONS):
            transaction.produce(topic, key=f"k{number}-{partition}", value=b"x", partition=partition)
        transaction.commit_transaction(WAIT_S_MAX)
        assert fold.catch_up(WAIT_S_MAX)
        assert {f"k{number}-{partition}".encode() for partition in range(PARTITIONS)} <= latest.values.keys()


def test_an_open_transaction_holds_the_barrier_up_no_longer_than_asked(
    topic: str, kafka_bootstrap: str, fold_of: Callable[..., LogFold]
) -> None:
    latest = Latest()
    fold = fold_of([topic], latest.apply)
    assert fold.wait_ready(WAIT_S_MAX)
    transaction = transactional(kafka_bootstrap)
    transaction.begin_transaction()
    transaction.produce(topic, key="open", value=b"x", partition=0)
    transaction.flush(WAIT_S_MAX)
    started = time.monotonic()
    assert not fold.catch_up(0.5)
    assert 0.4 < time.monotonic() - started < 5
    transaction.abort_transaction(WAIT_S_MAX)
    assert fold.catch_up(WAIT_S_MAX)
    assert latest.values == {}


def test_many_threads_catch_up_at_once(topic: str, producer: LogProducer, fold_of: Callable[..., LogFold]) -> None:
    def write_and_see(number: int) -> None:
        for turn in range(10):
            producer.send_all_blocking([record(topic, f"k{number}-{turn}")])
            seen.append(fold.catch_up(WAIT_S_MAX) and f"k{number}-{turn}".encode() in latest.values)

    latest, seen = Latest(), list[bool]()
    fold = fold_of([topic], latest.apply)
    threads = [threading.Thread(target=write_and_see, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 200


def test_a_fold_waits_for_topics_that_do_not_exist_yet(
    topic: str, kafka_bootstrap: str, fold_of: Callable[..., LogFold]
) -> None:
    latest = Latest()
    fold = fold_of([topic, f"{topic}-later"], latest.apply)
    assert not fold.wait_ready(0.7)
    assert fold.failed is None
    make_topic(kafka_bootstrap, f"{topic}-later")
    assert fold.wait_ready(WAIT_S_MAX)


def test_a_record_that_cannot_be_applied_ends_the_fold(
    topic: str, producer: LogProducer, fold_of: Callable[..., LogFold]
) -> None:
    def refuse(_: str, message: Message) -> None:
        if message.value() == b"bad":
            raise ValueError("not this one")

    producer.send_all_blocking([record(topic, "k", b"good")])
    fold = fold_of([topic], refuse)
    assert fold.wait_ready(WAIT_S_MAX)
    producer.send_all_blocking([record(topic, "k", b"bad")])
    started = time.monotonic()
    assert not fold.catch_up(WAIT_S_MAX)
    assert time.monotonic() - started < WAIT_S_MAX / 2, "who waits is told when the fold ends"
    assert isinstance(fold.failed, ValueError)
    assert not fold.ready
    assert not fold.wait_ready(WAIT_S_MAX)


def test_a_stopped_fold_tells_those_who_wait(topic: str, fold_of: Callable[..., LogFold]) -> None:
    fold = fold_of([topic, f"{topic}-never"], lambda *_: None)
    stopping = threading.Timer(0.3, fold.stop)
    stopping.start()
    started = time.monotonic()
    assert not fold.wait_ready(WAIT_S_MAX)
    assert time.monotonic() - started < WAIT_S_MAX / 2
    stopping.join()
