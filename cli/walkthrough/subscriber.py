"""What a subscriber of payment-events sees, with nothing of ours but the topic and the schemas that the API serves."""

from __future__ import annotations

import json
import struct
import time
import uuid
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fastavro
import httpx
from confluent_kafka import Consumer, KafkaError, TopicPartition

from cli.walkthrough.conversation import POLL_S, TourFailed

TOPIC = "payment-events"
END_WAIT_S_MAX = 15.0


def events_of(payment_ids: set[str], *, kafka: str, http: str) -> Iterator[dict[str, Any]]:
    """Yield the events of these payments, decoded, from the beginning of the topic to its present end."""
    schemas = _Schemas(http)
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"walkthrough-{uuid.uuid4()}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        unread = set(consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions)
        consumer.assign([TopicPartition(TOPIC, number, 0) for number in unread])
        deadline = time.monotonic() + END_WAIT_S_MAX
        while unread:
            if time.monotonic() > deadline:
                raise TourFailed(f"the end of {TOPIC} was not reached in {END_WAIT_S_MAX:g} s")
            message = consumer.poll(POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name.
                unread.discard(message.partition() or 0)
            elif error is not None:
                raise TourFailed(f"reading {TOPIC}: {error}")
            elif (message.key() or b"").decode() in payment_ids:
                yield schemas.decode(message.value() or b"")
    finally:
        consumer.close()


class _Schemas:
    """Decodes Confluent's wire format: a zero byte, the schema's id in four bytes, the Avro body."""

    def __init__(self, http: str) -> None:
        self._http = http
        self._known: dict[int, Any] = {}

    def decode(self, value: bytes) -> dict[str, Any]:
        _, schema_id = struct.unpack(">bI", value[:5])
        if schema_id not in self._known:
            answer = httpx.get(f"{self._http}/schemas/ids/{schema_id}", timeout=10.0).raise_for_status()
            self._known[schema_id] = fastavro.parse_schema(json.loads(answer.json()["schema"]))
        record = fastavro.schemaless_reader(BytesIO(value[5:]), self._known[schema_id], None)
        assert isinstance(record, dict)
        return record
