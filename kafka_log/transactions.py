"""Appending to the log as its only writer: records appear together or not at all, and a second writer fences it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from kafka_log.connection import LIBRDKAFKA_LOG, producer_settings
from kafka_log.producer import OutRecord

# A broker that restarts is back within this; a writer that waits longer ends.
COMMIT_S_MAX = 10.0
# The former writer's open transaction is ended by the broker first.
FENCE_S_MAX = 30.0
# Then the broker ends what a dead writer left open, if no successor has done so: readers wait behind it.
TRANSACTION_S_MAX = 30.0


class OnlyWriter:
    """The writer named `transactional_id`. Everything blocks. After an exception nothing is known of the records in
    hand: the process ends, and its successor reads what became of them."""

    def __init__(self, bootstrap: str, *, transactional_id: str, client_id: str) -> None:
        self._settings = producer_settings(bootstrap, client_id, linger_ms=1) | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(TRANSACTION_S_MAX * 1000),
            "message.timeout.ms": int(COMMIT_S_MAX * 1000),
            # A client that forgets the brokers it has lost waits for coordinators that it has forgotten as well
            # (librdkafka #5511, #5456).
            "metadata.recovery.strategy": "none",
        }
        self._producer: Producer | None = None

    def fence(self) -> None:
        """Become the only one who can write under this name: whoever could before is refused from now on."""
        self._producer = Producer(self._settings, logger=LIBRDKAFKA_LOG)
        self._producer.init_transactions(FENCE_S_MAX)

    def append(self, records: Sequence[OutRecord]) -> list[int]:
        """Append records in one transaction and return the offset of each. Raises KafkaException."""
        producer = self._producer
        assert producer is not None, "fence first"
        give_up_at = time.monotonic() + COMMIT_S_MAX
        offsets = [-1] * len(records)

        def on_delivery(place: int, error: KafkaError | None, message: Message) -> None:
            # An error fails the commit as well.
            offset = message.offset()
            if error is None and offset is not None:
                offsets[place] = offset

        producer.begin_transaction()
        for place, record in enumerate(records):
            assert record.partition is not None, "an only writer knows its partition"
            delivered = partial(on_delivery, place)
            producer.produce(record.topic, record.value, record.key, record.partition, delivered)
        producer.commit_transaction(max(0.1, give_up_at - time.monotonic()))
        assert min(offsets, default=0) >= 0, "a committed transaction has delivered all of its records"
        return offsets

    def close(self) -> None:
        """Let go of connections and threads; nothing can be in flight, because every commit is waited for."""
        self._producer = None
