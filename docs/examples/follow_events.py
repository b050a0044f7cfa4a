"""Follow payment-events: print each transition of each payment once, in order.

.venv/bin/python docs/examples/follow_events.py STACK_JSON [--until-idle SECONDS]
"""

import io
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

import fastavro
import httpx
from confluent_kafka import Consumer

schemas: dict[int, Any] = {}


def decode(http: str, value: bytes) -> Any:
    """Read Confluent's wire format: a zero byte, the schema's id (4 bytes, big-endian), the Avro body."""
    _, schema_id = struct.unpack(">bI", value[:5])
    if schema_id not in schemas:
        answer = httpx.get(f"{http}/schemas/ids/{schema_id}").raise_for_status()
        schemas[schema_id] = fastavro.parse_schema(json.loads(answer.json()["schema"]))
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schemas[schema_id], None)


def main(stack_json: str, idle_s: float | None) -> None:
    stack = json.loads(Path(stack_json).read_text())
    consumer = Consumer(
        {
            "bootstrap.servers": stack["kafka"],
            "group.id": "my-subscriber",
            "auto.offset.reset": "earliest",
            # Only what was committed: a transaction that was given up never happened.
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["payment-events"])
    # The last sequence handled of each payment. A real subscriber keeps it beside what it does with the events.
    handled: dict[str, int] = {}
    last_seen = time.monotonic()
    while idle_s is None or time.monotonic() - last_seen < idle_s:
        message = consumer.poll(0.2)
        if message is None:
            if not consumer.assignment():
                last_seen = time.monotonic()  # The group has not dealt out the partitions yet.
            continue
        if message.error():
            print(message.error(), file=sys.stderr)
            continue
        last_seen = time.monotonic()
        event = decode(stack["http"], message.value() or b"")
        # Work through the transitions after the last one handled: compaction may have removed the records between.
        for transition in event["transitions"][handled.get(event["payment_id"], 0) :]:
            print(
                event["payment_id"],
                transition["sequence"],
                transition["event_type"],
                transition["occurred_at_us"],
                flush=True,
            )
            handled[event["payment_id"]] = transition["sequence"]
        consumer.commit(message=message, asynchronous=True)
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[3]) if sys.argv[2:3] == ["--until-idle"] else None)
