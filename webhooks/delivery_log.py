"""Reading webhook-deliveries back: what was attempted, up to now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from confluent_kafka import Message
from msgspec import Struct

from kafka_log.reader import LogReader
from schemas import codec
from schemas.deliveries import WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES
from webhooks import metrics

log = structlog.get_logger(__name__)

TOPIC = WEBHOOK_DELIVERIES.name
RECORDS_A_READ_MAX = 1000  # Of up to 20 KB each.
READ_WAIT_S = 0.2


class Attempt(Struct, frozen=True, kw_only=True):
    """An attempt, and where it stands."""

    partition: int
    offset: int
    delivery: WebhookDelivery


class DeliveryLog:
    """For use in threads: each call has a client of its own, and ends early when `stopping` is set."""

    def __init__(self, bootstrap: str, *, client_id: str, stopping: threading.Event) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._stopping = stopping

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def since(
        self,
        partitions: Iterable[int],
        at_us: int,
        take: Callable[[Sequence[Attempt]], None],
        *,
        endpoint_id: str | None = None,
    ) -> dict[int, int]:
        """Do what `read` does, from the attempts that were written at or after a time on (0: from the first)."""
        if not at_us:
            return self.read(dict.fromkeys(partitions, 0), take, endpoint_id=endpoint_id)
        reader = LogReader(self._bootstrap, client_id=self._client_id)
        try:
            starts = reader.offsets_at(TOPIC, partitions, at_us // 1000)
            return self._read(reader, starts, take, endpoint_id)
        finally:
            reader.close()

    def read(
        self,
        starts: Mapping[int, int],
        take: Callable[[Sequence[Attempt]], None],
        *,
        endpoint_id: str | None = None,
    ) -> dict[int, int]:
        """Give `take` what stands from these offsets on (by partition) up to the ends as they are now, in order; with
        an `endpoint_id`, what is of that one.

        Return where to read on: behind all of it, or where it was when it was to stop. Raises KafkaException.
        """
        reader = LogReader(self._bootstrap, client_id=self._client_id)
        try:
            # What is older than the topic keeps is neither due nor can it be read.
            firsts = reader.first_offsets(TOPIC)
            starts = {partition: max(offset, firsts[partition]) for partition, offset in starts.items()}
            return self._read(reader, starts, take, endpoint_id)
        finally:
            reader.close()

    def _read(
        self,
        reader: LogReader,
        starts: Mapping[int, int],
        take: Callable[[Sequence[Attempt]], None],
        endpoint_id: str | None,
    ) -> dict[int, int]:
        ends = reader.end_offsets(TOPIC)
        places = {(TOPIC, partition): offset for partition, offset in starts.items() if offset < ends[partition]}
        reader.assign(places)
        key = None if endpoint_id is None else endpoint_id.encode()
        while not self._stopping.is_set() and any(reader.positions[place] < ends[place[1]] for place in places):
            messages = reader.read(RECORDS_A_READ_MAX, READ_WAIT_S)
            found = [_attempt(message) for message in messages if key is None or message.key() == key]
            if attempts := [attempt for attempt in found if attempt is not None]:
                take(attempts)
        return {partition: reader.positions.get((TOPIC, partition), offset) for partition, offset in starts.items()}


def _attempt(message: Message) -> Attempt | None:
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    try:
        delivery = codec.decode(message.value())
    except codec.Undecodable as error:
        delivery = None
        log.error("delivery_unreadable", partition=partition, offset=offset, reason=error.reason)
    if not isinstance(delivery, WebhookDelivery):
        # Nobody but dispatchers may write here: somebody must look at this.
        metrics.UNREADABLE.inc()
        return None
    return Attempt(partition=partition, offset=offset, delivery=delivery)
