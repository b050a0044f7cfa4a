"""Confluent's own serialisers work with our ids and schemas, given a registry that answers as ours does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import fastavro
import pytest
from msgspec.structs import asdict

from payments.commands import CancelPayment, InitiatePayment
from schemas.codec import decode, encode
from schemas.registry import id_of, latest, schema_by_id, schemas, versions
from tests.contract import samples

# Confluent's client leaves what its Avro part needs to those who use it; see the development dependencies.
pytest.importorskip("authlib")
pytest.importorskip("cachetools")

from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


class RegistryHandler(BaseHTTPRequestHandler):
    """The few answers of a schema registry that readers and writers of known schemas ask for."""

    def do_GET(self) -> None:
        match self.path.split("?")[0].strip("/").split("/"):
            case ["schemas", "ids", schema_id]:
                schema = schema_by_id(int(schema_id))
                self._answer(schema and {"schema": schema.text})
            case ["subjects", subject, "versions", "latest"]:
                schema = latest(subject)
                self._answer(schema and self._version(subject, schema.schema_id))
            case _:
                self._answer(None)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        subject = self.path.split("?")[0].strip("/").split("/")[1]
        schema_id = id_of(subject, asked["schema"])
        self._answer(schema_id and self._version(subject, schema_id))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _version(self, subject: str, schema_id: int) -> dict[str, Any]:
        number = [version.schema_id for version in versions(subject)].index(schema_id) + 1
        schema = schema_by_id(schema_id)
        assert schema is not None
        return {"subject": subject, "version": number, "id": schema_id, "schema": schema.text}

    def _answer(self, value: Any) -> None:
        body = json.dumps(value or {"error_code": 40403, "message": "Schema not found"}).encode()
        self.send_response(200 if value else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def registry_client() -> Iterator[SchemaRegistryClient]:
    with ThreadingHTTPServer(("127.0.0.1", 0), RegistryHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with SchemaRegistryClient({"url": f"http://127.0.0.1:{server.server_address[1]}"}) as client:
            yield client
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_confluent_s_deserialiser_reads_every_record(registry_client: SchemaRegistryClient, name: str) -> None:
    value = samples.SAMPLES[name]
    data = encode(value)
    schema = schema_by_id(int.from_bytes(data[1:5], "big"))
    assert schema is not None
    topic = schema.subjects[0].removesuffix(f"-{schema.name}")
    read = AvroDeserializer(registry_client)(data, SerializationContext(topic, MessageField.VALUE))
    assert isinstance(read, dict)
    assert read.keys() == {field["name"] for field in schema.json["fields"]}
    # Nothing is lost on the way: what was read makes the same bytes again.
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema.json), read)
    assert body.getvalue() == data[5:]


def test_a_subscriber_reads_an_event_in_its_own_types(registry_client: SchemaRegistryClient) -> None:
    context = SerializationContext("payment-events", MessageField.VALUE)
    read = AvroDeserializer(registry_client)(encode(samples.RETURNED_PAYMENT), context)
    assert isinstance(read, dict)
    at = datetime(2026, 12, 1, tzinfo=UTC)
    assert read["initiated_at_us"] == at
    assert [step["occurred_at_us"] - at for step in read["transitions"]] == [
        timedelta(microseconds=n) for n in (1, 2, 3, 4)
    ]
    assert [step["event_type"] for step in read["transitions"]][-1] == "payment_returned"
    assert read["failure"] == {"code": "R01", "reason": "insufficient funds", "source": "rail"}


@pytest.mark.parametrize("sent", [samples.INITIATE_SPARSE, samples.INITIATE_FULL, samples.CANCEL])
def test_a_producer_writes_commands_with_confluent_s_serialiser(
    registry_client: SchemaRegistryClient, sent: InitiatePayment | CancelPayment
) -> None:
    name = f"io.directpay.{type(sent).__name__}"
    (schema,) = [schema for schema in schemas() if schema.name == name]
    serialise = AvroSerializer(
        registry_client,
        schema.text,
        conf={"auto.register.schemas": False, "subject.name.strategy": topic_record_subject_name_strategy},
    )
    record = asdict(sent)
    data = serialise(record, SerializationContext("payment-commands", MessageField.VALUE))
    assert isinstance(data, bytes)
    assert decode(data) == sent
