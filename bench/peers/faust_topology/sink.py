"""The usual sink: each event is a transaction with two statements, and its offset is committed from time to time.

`python -m bench.peers.faust_topology.sink`, with the settings PEER_KAFKA, PEER_EVENTS and PEER_DATABASE.
An event that comes again changes nothing: its id is the key. One that was made again, with another id, is a second row.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException
from psycopg.types.json import Jsonb

from bench.peers.judged import statement

HERE = Path(__file__).parent
POLL_S = 1.0


def main() -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["PEER_KAFKA"],
            "group.id": "sink",
            "auto.offset.reset": "earliest",
            # What is stored here is committed every 5 s, in the background (librdkafka, "Consumer offset management").
            "enable.auto.offset.store": False,
        }
    )
    consumer.subscribe([os.environ["PEER_EVENTS"]])
    # Statements that are sent again and again are prepared from the first time on (psycopg, "Prepared statements").
    with psycopg.connect(os.environ["PEER_DATABASE"], autocommit=True, prepare_threshold=0) as connection:
        while True:
            message = consumer.poll(POLL_S)
            if message is None:
                continue
            if error := message.error():
                raise KafkaException(error)
            write(connection, json.loads(message.value() or b""))
            consumer.store_offsets(message)


def write(connection: psycopg.Connection[Any], event: dict[str, Any]) -> None:
    """Write the payment as the event leaves it, and the event."""
    values = {**event["payment"], **event, "metadata": Jsonb(event["payment"])}
    del values["payment"]
    with connection.transaction():
        connection.execute(statement(HERE / "upsert_transaction.sql"), values)
        connection.execute(statement(HERE / "insert_event.sql"), values)


if __name__ == "__main__":
    main()
