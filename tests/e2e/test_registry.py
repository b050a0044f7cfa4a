"""The schemas that we serve: Confluent's own clients read every topic and write commands with them."""

from __future__ import annotations

import io
import json
import struct
import time
import uuid
from collections.abc import Iterator
from typing import Any

import fastavro
import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.serialization import MessageField, SerializationContext

from payments.idempotency import payment_id
from schemas.registry import id_of, latest, schemas, subjects
from schemas.topics import PAYMENT_COMMANDS, TOPICS
from tests.e2e.tenancy import Tenancy
from tests.e2e.topics import read_all

REGISTRY_TYPE = "application/vnd.schemaregistry.v1+json"


@pytest.fixture(scope="module")
def tenancy(stack: Any) -> Iterator[Tenancy]:
    tenancy = Tenancy.open(stack.stack)
    assert tenancy.pay(metadata={"city": "Zürich"}).status_code == 201
    yield tenancy
    tenancy.http.close()


@pytest.fixture(scope="module")
def registry(stack: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.stack["http"], headers={"Accept": REGISTRY_TYPE}, timeout=10) as client:
        yield client


def test_every_schema_is_served_by_its_id_and_in_its_subjects(registry: httpx.Client) -> None:
    assert registry.get("/schemas/types").json() == ["AVRO"]
    assert registry.get("/subjects").json() == list(subjects())
    for schema in schemas():
        answer = registry.get(f"/schemas/ids/{schema.schema_id}")
        assert answer.headers["content-type"] == REGISTRY_TYPE
        assert json.loads(answer.json()["schema"]) == schema.json
        places = registry.get(f"/schemas/ids/{schema.schema_id}/versions").json()
        assert {place["subject"] for place in places} == set(schema.subjects)
        for subject in schema.subjects:
            assert registry.get(f"/schemas/ids/{schema.schema_id}", params={"subject": subject}).status_code == 200
            versions = registry.get(f"/subjects/{subject}/versions").json()
            answers = [registry.get(f"/subjects/{subject}/versions/{version}").json() for version in versions]
            assert schema.schema_id in [answer["id"] for answer in answers]
            newest = registry.get(f"/subjects/{subject}/versions/latest").json()
            assert newest == answers[-1]
            assert newest["version"] == versions[-1]


def test_a_schema_is_found_however_it_is_spelt(registry: httpx.Client) -> None:
    for subject in subjects():
        schema = latest(subject)
        assert schema is not None
        spelt = json.dumps(schema.json, indent=4, sort_keys=True)
        found = registry.post(f"/subjects/{subject}", json={"schema": spelt}).json()
        assert (found["id"], found["subject"]) == (schema.schema_id, subject)
        again = registry.post(f"/subjects/{subject}/versions", json={"schema": spelt})
        assert (again.status_code, again.json()["id"]) == (200, schema.schema_id)


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/schemas/ids/999999", None, 40403),
        ("GET", "/schemas/ids/x", None, 40403),
        ("GET", "/subjects/nothing/versions", None, 40401),
        ("GET", "/subjects/nothing/versions/latest", None, 40401),
        ("GET", "/subjects/payment-events-value/versions/99", None, 40402),
        ("GET", "/subjects/payment-events-value/versions/0", None, 42202),
        ("GET", "/subjects/payment-events-value/versions/first", None, 42202),
        ("POST", "/subjects/payment-events-value", {"schema": '"string"'}, 40403),
        ("POST", "/subjects/nothing", {"schema": '"string"'}, 40401),
        ("POST", "/subjects/payment-events-value/versions", {"schema": '"string"'}, 40301),
        ("POST", "/subjects/payment-events-value/versions", {"schema": "{"}, 40301),
        ("POST", "/subjects/payment-events-value/versions", {"schema": 1}, 42201),
        ("POST", "/subjects/payment-events-value/versions", [], 42201),
    ],
)
def test_what_is_not_there_is_told_in_the_registrys_form(
    registry: httpx.Client, method: str, path: str, body: Any, code: int
) -> None:
    answer = registry.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (code // 100, code)
    assert answer.json()["message"]


def test_every_record_of_every_topic_reads_with_the_schema_that_is_served(
    registry: httpx.Client, tenancy: Tenancy, stack: Any
) -> None:
    parsed: dict[int, Any] = {}
    counts = {}
    tenancy.wait_for(tenancy.pay().json()["id"], "completed")
    # So that there is a refusal too.
    tenancy.cancel(tenancy.pay().json()["id"])
    for topic in TOPICS:
        counts[topic.name] = 0
        for message in read_all(stack.stack["kafka"], topic.name):
            value = message.value() or b""
            magic, schema_id = struct.unpack(">bI", value[:5])
            assert magic == 0
            if schema_id not in parsed:
                text = registry.get(f"/schemas/ids/{schema_id}").json()["schema"]
                parsed[schema_id] = fastavro.parse_schema(json.loads(text))
            body = io.BytesIO(value[5:])
            assert isinstance(fastavro.schemaless_reader(body, parsed[schema_id], None), dict)
            assert body.read() == b"", "nothing is left over"
            counts[topic.name] += 1
    quiet = {name for name, count in counts.items() if not count}
    # No originator runs in this stack, no endpoint wants to hear of anything, and perhaps no statement has come yet.
    may_be = {"payment-rejections", "ach-origination", "reconciliation", "webhook-deliveries", "webhook-requests"}
    assert not quiet - may_be, counts


def test_confluents_deserialiser_reads_every_topic(tenancy: Tenancy, stack: Any) -> None:
    registry_package = pytest.importorskip("confluent_kafka.schema_registry", reason="its extra is not installed")
    from confluent_kafka.schema_registry.avro import AvroDeserializer

    with registry_package.SchemaRegistryClient({"url": stack.stack["http"]}) as client:
        read = AvroDeserializer(client)
        seen = 0
        for topic in TOPICS:
            for message in read_all(stack.stack["kafka"], topic.name):
                record = read(message.value(), SerializationContext(topic.name, MessageField.VALUE))
                assert isinstance(record, dict)
                seen += 1
    assert seen > 0


def test_confluents_serialiser_writes_a_command_that_becomes_a_payment(tenancy: Tenancy, stack: Any) -> None:
    registry_package = pytest.importorskip("confluent_kafka.schema_registry", reason="its extra is not installed")
    from confluent_kafka.schema_registry.avro import AvroSerializer

    name = "io.directpay.InitiatePayment"
    subject = f"{PAYMENT_COMMANDS.name}-{name}"
    schema = latest(subject)
    assert schema is not None
    assert id_of(subject, schema.text) == schema.schema_id
    key = f"confluent-{uuid.uuid4().hex}"
    record = {
        "command_id": str(uuid.uuid4()),
        "tenant_id": tenancy.tenant_id,
        "idempotency_key": key,
        "lease_id": None,
        "payer_account_id": tenancy.payer,
        "payee_account_id": tenancy.payee,
        "amount_minor": 1234,
        "currency": "USD",
        "payment_rail_type": "instant",
        "description": None,
        "metadata_json": "{}",
        "effective_date": None,
        "refund_of": None,
        "requested_at_us": time.time_ns() // 1000,
    }
    with registry_package.SchemaRegistryClient({"url": stack.stack["http"]}) as client:
        write = AvroSerializer(
            client,
            conf={
                "auto.register.schemas": False,
                "use.latest.version": True,
                "subject.name.strategy": lambda context, record_name: f"{context.topic}-{record_name or name}",
            },
            schema_str=schema.text,
        )
        value = write(
            record,
            SerializationContext(PAYMENT_COMMANDS.name, MessageField.VALUE),
        )
    producer = Producer({"bootstrap.servers": stack.stack["kafka"]})
    producer.produce(PAYMENT_COMMANDS.name, key=f"{tenancy.tenant_id}:{key}", value=value)
    assert producer.flush(30) == 0
    payment = tenancy.wait_for(payment_id(tenancy.tenant_id, key), "completed")
    assert payment["amount"] == "12.34"
