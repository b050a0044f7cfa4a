"""Reading whole topics as a subscriber does: from the beginning to the present end, read committed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

END_WAIT_S_MAX = 60.0


def read_all(bootstrap: str, topic: str) -> Iterator[Message]:
    """Yield every record of the topic up to its end as of now, by partition in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-{uuid.uuid4()}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        waiting = set(partitions)
        deadline = time.monotonic() + END_WAIT_S_MAX
        while waiting:
            assert time.monotonic() < deadline, f"the end of {topic} was not reached: {waiting}"
            message = consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition())
            else:
                raise AssertionError(str(error))
    finally:
        consumer.close()
