"""What a group has committed, as the broker tells it to a client that never joins the group."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream_app.exactly_once.records import TopicPartitionNumber
from stream_app.exactly_once.transactions import OPEN_S_MAX

ANSWER_S_MAX = 10.0
ASK_AGAIN_S = 0.2


class GroupOffsets:
    """Asks for the offsets of `group`. Not by the admin client: librdkafka ends the process where that one asks a
    broker that has just stopped being the group's coordinator (#5040)."""

    def __init__(self, bootstrap: str, group: str, *, client_id: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": client_id,
                "group.id": group,
                "enable.auto.commit": False,
                # So it asks for stable offsets, and again while a transaction on one is open.
                "isolation.level": "read_committed",
            }
        )

    def of(self, partitions: Iterable[TopicPartitionNumber]) -> dict[TopicPartitionNumber, int | None]:
        """Return the committed offset of each partition, None where there is none; blocks.

        Offsets in a transaction that is still open are waited for: whether it ends with its commit decides them. Raises
        KafkaException when they are not known after OPEN_S_MAX, whether one is still open or the broker is away.
        """
        asked = [TopicPartition(topic, number) for topic, number in partitions]
        give_up_at = time.monotonic() + OPEN_S_MAX
        while True:
            try:
                answer = self._consumer.committed(asked, ANSWER_S_MAX) if asked else []
                for each in answer:
                    if each.error is not None:
                        raise KafkaException(each.error)
            except KafkaException:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(ASK_AGAIN_S)
            else:
                return {(each.topic, each.partition): None if each.offset < 0 else each.offset for each in answer}

    def close(self) -> None:
        self._consumer.close()
