"""Transactions: a batch's records and the offsets of its input appear together, or not at all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from stream_app.exactly_once import metrics
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.records import OutputRecord, TopicPartitionNumber

# A broker that restarts is back within this; a lane that waits longer ends its worker (see CLOSE_S_MAX of a lane).
COMMIT_S_MAX = 8.0
# The former owner's open transaction is ended by the broker first.
FENCE_S_MAX = 20.0
# Then the broker ends what a dead worker left open, if no successor has done so: readers wait behind it.
TRANSACTION_S_MAX = 30.0
PARTITIONER_DECIDES = -1  # RD_KAFKA_PARTITION_UA.


class LaneTransactions:
    """The transactional producer of one lane. Everything blocks: the lane calls from a thread of its own.

    After an exception nothing is known of the transaction: the caller ends the process, and the next owner of the
    lane, when it fences, has the broker end what is open.
    """

    def __init__(self, bootstrap: str, *, transactional_id: str, client_id: str) -> None:
        self._settings = {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(TRANSACTION_S_MAX * 1000),
            "message.timeout.ms": int(COMMIT_S_MAX * 1000),
            "acks": "all",
            # Java's default partitioner: the one that tells where a key lives.
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            # A batch is handed over in one go, so that waiting for more would only delay it.
            "linger.ms": 1,
            "retry.backoff.ms": 20,
            "retry.backoff.max.ms": 200,
            # A broker that comes back is found at once; librdkafka's own bound is 10 s, longer than ours.
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            # By default a client that has lost every broker forgets them and begins anew, but goes on waiting for the
            # coordinators it has forgotten: send_offsets_to_transaction hung for minutes (librdkafka #5511, #5456).
            "metadata.recovery.strategy": "none",
        }
        self._producer: Producer | None = None

    def fence(self) -> None:
        """Become the only one who can write under this name: whoever could before is refused from now on."""
        started = time.monotonic()
        self._producer = Producer(self._settings)
        self._producer.init_transactions(FENCE_S_MAX)
        metrics.FENCE_S.observe(time.monotonic() - started)

    def commit(
        self,
        records: Sequence[OutputRecord],
        offsets: Mapping[TopicPartitionNumber, int],
        member: GroupMember,
    ) -> dict[TopicPartitionNumber, int]:
        """Write records and offsets in one transaction; return, by partition written to, the offset after its last.

        Only for records that say their partition. Raises KafkaException when fenced, when `member` is no longer of the
        group's generation, or after COMMIT_S_MAX.
        """
        producer = self._producer
        assert producer is not None, "fence first"
        give_up_at = time.monotonic() + COMMIT_S_MAX
        ends: dict[TopicPartitionNumber, int] = {}
        lasts = {(record.topic, record.partition): place for place, record in enumerate(records)}
        lasts_at = {place for (_, partition), place in lasts.items() if partition is not None}

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            # An error fails the commit as well.
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if error is None and topic is not None and partition is not None and offset is not None:
                ends[topic, partition] = offset + 1

        producer.begin_transaction()
        for place, record in enumerate(records):
            producer.produce(
                record.topic,
                record.value,
                record.key,
                PARTITIONER_DECIDES if record.partition is None else record.partition,
                on_delivery if place in lasts_at else None,
                headers=record.headers,  # type: ignore[arg-type]  # Only because a list's items could be replaced.
            )
        positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        producer.send_offsets_to_transaction(positions, member.metadata(), COMMIT_S_MAX)
        producer.commit_transaction(max(0.1, give_up_at - time.monotonic()))
        for topic, count in Counter(record.topic for record in records).items():
            metrics.WRITTEN.labels(topic).inc(count)
        assert len(ends) == len(lasts_at), "a committed transaction has delivered all of its records"
        return ends

    def close(self) -> None:
        """Let go of connections and threads; nothing can be in flight, because every commit is waited for."""
        self._producer = None


def is_fenced(error: BaseException) -> bool:
    """Say whether the broker refused a commit because the lane, or the member's place in the group, is another's."""
    return isinstance(error, KafkaException) and error.args[0].code() in _FENCED


_FENCED = {
    KafkaError._FENCED,  # noqa: SLF001 - librdkafka's local errors are named so.
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNKNOWN_MEMBER_ID,
}
