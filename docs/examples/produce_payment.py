"""Pay over Kafka: produce one InitiatePayment with Confluent's client and a schema that the API serves.

.venv/bin/python docs/examples/produce_payment.py STACK_JSON TENANT IDEMPOTENCY_KEY PAYER_ACCOUNT PAYEE_ACCOUNT CENTS
"""

import io
import json
import struct
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import fastavro
import httpx
from confluent_kafka import Producer


def latest_schema(http: str, subject: str) -> tuple[int, dict[str, Any]]:
    version = httpx.get(f"{http}/subjects/{subject}/versions/latest").raise_for_status().json()
    return version["id"], json.loads(version["schema"])


def main(stack_json: str, tenant: str, key: str, payer: str, payee: str, cents: str) -> None:
    stack = json.loads(Path(stack_json).read_text())
    schema_id, schema = latest_schema(stack["http"], "payment-commands-io.directpay.InitiatePayment")
    command = {
        "command_id": str(uuid.uuid4()),
        "tenant_id": tenant,
        "idempotency_key": key,
        "payer_account_id": payer,
        "payee_account_id": payee,
        "amount_minor": int(cents),
        "payment_rail_type": "instant",
        "requested_at_us": time.time_ns() // 1000,
    }
    # Confluent's wire format: a zero byte, the schema's id as 4 bytes big-endian, the Avro body.
    value = io.BytesIO(struct.pack(">bI", 0, schema_id))
    value.seek(5)
    fastavro.schemaless_writer(value, fastavro.parse_schema(schema), command)
    outcome: list[Any] = []
    producer = Producer({"bootstrap.servers": stack["kafka"], "acks": "all", "enable.idempotence": True})
    # Any partitioner will do: a command on another partition than its own is forwarded there.
    producer.produce(
        "payment-commands",
        key=f"{tenant}:{key}",
        value=value.getvalue(),
        on_delivery=lambda *args: outcome.append(args),
    )
    producer.flush(10)
    if not outcome or outcome[0][0] is not None:
        sys.exit(
            f"not delivered: {outcome[0][0] if outcome else 'no answer'}. Produce it again: the key makes that safe."
        )
    # The payment's id needs no answer: it is derived from tenant and key.
    namespace = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay")
    print(uuid.uuid5(namespace, f"{tenant}:{key}"))


if __name__ == "__main__":
    main(*sys.argv[1:])
