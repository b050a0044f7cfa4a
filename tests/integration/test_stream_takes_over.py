"""Whoever takes a partition over waits for what its former owner has under way: offsets, and records."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.group_offsets import GroupOffsets
from stream_app.exactly_once.restore import Restored, restore
from tests.unit.stream_app.fetched import Memory

WAIT_S_MAX = 30.0
# Long enough for what does not wait to be over.
LOOK_S = 1.0


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    name = f"taken-over-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for made in admin.create_topics([NewTopic(name, 1, 1)]).values():
        made.result(WAIT_S_MAX)
    return name


@pytest.fixture
def former(kafka_bootstrap: str, topic: str) -> Producer:
    """A former owner in the middle of its transaction: a record is written, and an offset of its input."""
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": topic})
    producer.init_transactions(WAIT_S_MAX)
    producer.begin_transaction()
    producer.produce(topic, b"value", b"key", 0)
    producer.flush(WAIT_S_MAX)
    nobody = GroupMember(group=topic, generation=-1, member_id="", instance=None)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], nobody.metadata(), WAIT_S_MAX)
    return producer


def test_offsets_that_are_being_committed_are_waited_for(kafka_bootstrap: str, topic: str, former: Producer) -> None:
    offsets = GroupOffsets(kafka_bootstrap, topic, client_id="successor")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(offsets.of, [(topic, 0)])
        with pytest.raises(TimeoutError):
            asked.result(LOOK_S)
        former.commit_transaction(WAIT_S_MAX)
        assert asked.result(WAIT_S_MAX) == {(topic, 0): 5}
    offsets.close()


@pytest.mark.parametrize("is_committed", [True, False])
def test_records_that_are_being_written_are_waited_for(
    kafka_bootstrap: str, topic: str, former: Producer, is_committed: bool
) -> None:
    store = Memory()

    def take_over() -> Restored:
        cancelled = threading.Event()
        return restore(
            kafka_bootstrap,
            topic,
            0,
            store,
            admin=AdminClient({"bootstrap.servers": kafka_bootstrap}),
            log_id=topic,
            cancelled=cancelled,
            progress=lambda _records: None,
        )

    with ThreadPoolExecutor(1) as pool:
        restoring = pool.submit(take_over)
        with pytest.raises(TimeoutError):
            restoring.result(LOOK_S)
        if is_committed:
            former.commit_transaction(WAIT_S_MAX)
        else:
            former.abort_transaction(WAIT_S_MAX)
        restoring.result(WAIT_S_MAX)
    assert store.values == ({b"key": b"value"} if is_committed else {})
