"""What a group has committed, as the broker tells it to a client of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from stream_app.exactly_once.records import TopicPartitionNumber

ANSWER_S_MAX = 10.0
# The broker ends an open transaction when its time is over, and looks for such ones every 10 s unless told otherwise.
STABLE_S_MAX = 30.0
LOOK_EVERY_S = 0.05


def committed_offsets(
    admin: AdminClient, group: str, partitions: Iterable[TopicPartitionNumber]
) -> dict[TopicPartitionNumber, int | None]:
    """Return the committed offset of each partition, None where there is none.

    Offsets in a transaction that is still open are waited for: whether it ends with its commit decides them. Raises
    KafkaException when the broker does not answer within ANSWER_S_MAX, or one is still open after STABLE_S_MAX.
    """
    asked = [TopicPartition(topic, number) for topic, number in partitions]
    if not asked:
        return {}
    give_up_at = time.monotonic() + STABLE_S_MAX
    while True:
        try:
            return _stable_offsets(admin, group, asked)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNSTABLE_OFFSET_COMMIT or time.monotonic() > give_up_at:
                raise
        time.sleep(LOOK_EVERY_S)


def _stable_offsets(
    admin: AdminClient, group: str, asked: list[TopicPartition]
) -> dict[TopicPartitionNumber, int | None]:
    request = ConsumerGroupTopicPartitions(group, asked)
    answer = admin.list_consumer_group_offsets([request], require_stable=True, request_timeout=ANSWER_S_MAX)[group]
    committed: dict[TopicPartitionNumber, int | None] = {}
    for each in answer.result().topic_partitions or []:
        if each.error is not None:
            raise KafkaException(each.error)
        committed[each.topic, each.partition] = None if each.offset < 0 else each.offset
    return committed
