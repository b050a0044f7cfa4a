"""Output: the records of a batch, written in order and acknowledged by every in-sync replica before anyone goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_app.exactly_once import metrics
from stream_app.exactly_once.records import OutputRecord

POLL_S = 0.1
PARTITIONER_DECIDES = -1  # RD_KAFKA_PARTITION_UA.


class Output:
    """One idempotent librdkafka producer for all lanes; per partition, records are appended in the order given.

    `delivery_timeout_s` bounds every wait. After a failure nothing is known of the batch: the caller stops the process.
    """

    def __init__(self, bootstrap: str, *, client_id: str, delivery_timeout_s: float) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": client_id,
                "acks": "all",
                "enable.idempotence": True,
                # Java's default partitioner: the one that tells where a key lives.
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                # A batch is handed over in one go, so that waiting for more would only delay it.
                "linger.ms": 1,
                "message.timeout.ms": int(delivery_timeout_s * 1000),
            }
        )
        self._closing = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="output-poll", daemon=True)
        self._poller.start()

    async def write(self, records: Sequence[OutputRecord]) -> None:
        """Write all records, or raise KafkaException: then any of them may or may not be in the log."""
        if not records:
            return
        acknowledged = _Acknowledged(len(records), asyncio.get_running_loop())
        for record in records:
            self._producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=PARTITIONER_DECIDES if record.partition is None else record.partition,
                on_delivery=acknowledged.on_delivery,
            )
        await acknowledged.all
        for record in records:
            metrics.WRITTEN.labels(record.topic).inc()

    def close(self) -> None:
        """Stop the poller; nothing can be in flight, because every write is awaited."""
        self._closing.set()
        self._poller.join()

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_S)


class _Acknowledged:
    """Counts delivery reports in the poller's thread and wakes the loop once, at the last or at the first failure."""

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self.all: asyncio.Future[None] = loop.create_future()
        self._missing = count
        self._loop = loop

    def on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        self._missing -= 1
        if error is not None:
            self._loop.call_soon_threadsafe(self._fail, error)
        elif self._missing == 0:
            self._loop.call_soon_threadsafe(self._succeed)

    def _succeed(self) -> None:
        if not self.all.done():
            self.all.set_result(None)

    def _fail(self, error: KafkaError) -> None:
        if not self.all.done():
            self.all.set_exception(KafkaException(error))
