"""Every record of every topic decodes with the schema served, and every event carries its whole history."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import Any

import fastavro
import httpx
from confluent_kafka.admin import AdminClient

from ingest_api.examples import EXAMPLE_STATEMENT
from schemas.topics import PAYMENT_EVENTS
from tests.e2e.tenancy import POLL_S, Tenancy
from tests.e2e.topics import read_all

ATTEMPT_WAIT_S_MAX = 30.0
TOPICS = {
    "payment-commands", "rail-reports", "payment-events", "payment-rejections",
    "directory-commands", "directory-events", "directory-secrets", "ach-origination", "reconciliation",
    "webhook-deliveries", "webhook-requests",
}  # fmt: skip


def test_every_record_of_every_topic_decodes_with_the_schema_served(stack: Any) -> None:
    tenancy = Tenancy.open(stack.stack)
    key = "decodes"
    # A name that is never found (RFC 6761): each event is attempted, and that is a record.
    endpoint = tenancy.create("webhook-endpoints", url="https://hooks.invalid/payments")["id"]
    payments = [tenancy.pay(key).json()["id"], tenancy.pay(payment_rail_type="wire").json()["id"]]
    # Something for payment-rejections too: a cancel that comes too late.
    tenancy.wait_for(payments[0], "completed")
    assert tenancy.cancel(payments[0]).status_code == 409
    tenancy.wait_for(payments[1], "completed")
    found = tenancy.http.post("/api/v1/reconciliation/statements", content=EXAMPLE_STATEMENT)
    assert found.status_code == 201, found.text
    _wait_for_an_attempt(tenancy, endpoint)
    replay = tenancy.http.post(f"/api/v1/webhook-endpoints/{endpoint}/replay", json={"failed_only": True})
    assert replay.status_code == 202, replay.text
    schemas: dict[int, Any] = {}
    bootstrap = stack.stack["kafka"]
    names = {
        name
        for name in AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=20).topics
        if not name.startswith("__")
    }
    assert names == TOPICS
    counts = dict.fromkeys(TOPICS, 0)
    histories: dict[str, list[Any]] = {}
    for topic in sorted(TOPICS):
        for message in read_all(bootstrap, topic):
            value = message.value() or b""
            assert value[0] == 0
            schema_id = int.from_bytes(value[1:5], "big")
            if schema_id not in schemas:
                answer = httpx.get(f"{stack.stack['http']}/schemas/ids/{schema_id}")
                assert answer.status_code == 200
                schemas[schema_id] = fastavro.parse_schema(json.loads(answer.json()["schema"]))
            body = BytesIO(value[5:])
            record = fastavro.schemaless_reader(body, schemas[schema_id], None)
            assert body.read() == b"", "nothing is left over"
            counts[topic] += 1
            if topic == PAYMENT_EVENTS.name:
                assert isinstance(record, dict)
                _check_event(message, record, histories)
    # No originator runs: ACH payments settle by delays.
    assert {topic for topic, count in counts.items() if not count} == {"ach-origination"}, counts
    for payment_id in payments:
        assert [step["new_status"] for step in histories[payment_id]] == ["pending", "processing", "completed"]


def _wait_for_an_attempt(tenancy: Tenancy, endpoint: str) -> None:
    give_up_at = time.monotonic() + ATTEMPT_WAIT_S_MAX
    while not tenancy.http.get(f"/api/v1/webhook-endpoints/{endpoint}/deliveries").json()["items"]:
        assert time.monotonic() < give_up_at, "no event was attempted at the endpoint"
        time.sleep(POLL_S)


def _check_event(message: Any, record: dict[str, Any], histories: dict[str, list[Any]]) -> None:
    transitions = record["transitions"]
    assert [step["sequence"] for step in transitions] == list(range(1, len(transitions) + 1))
    assert transitions[-1]["new_status"] == record["status"]
    # The list before the last one is what was there before: nothing is rewritten, nothing is missing.
    payment_id = message.key().decode()
    assert transitions[:-1] == histories.get(payment_id, [])
    histories[payment_id] = transitions
    headers = dict(message.headers())
    assert headers["ce_id"] == f"{payment_id}:{len(transitions)}".encode()
    assert headers["ce_type"].decode() == transitions[-1]["event_type"]
