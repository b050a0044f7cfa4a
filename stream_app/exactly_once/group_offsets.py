"""What a group has committed, as the broker tells it to a client of its own."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from stream_app.exactly_once.records import TopicPartitionNumber

ANSWER_S_MAX = 10.0


def committed_offsets(
    admin: AdminClient, group: str, partitions: Iterable[TopicPartitionNumber]
) -> dict[TopicPartitionNumber, int | None]:
    """Return the committed offset of each partition, None where there is none; offsets of open transactions are not.

    Raises KafkaException when the broker does not answer within ANSWER_S_MAX.
    """
    asked = [TopicPartition(topic, number) for topic, number in partitions]
    if not asked:
        return {}
    request = ConsumerGroupTopicPartitions(group, asked)
    answer = admin.list_consumer_group_offsets([request], require_stable=True, request_timeout=ANSWER_S_MAX)[group]
    committed: dict[TopicPartitionNumber, int | None] = {}
    for each in answer.result().topic_partitions or []:
        if each.error is not None:
            raise KafkaException(each.error)
        committed[each.topic, each.partition] = None if each.offset < 0 else each.offset
    return committed
