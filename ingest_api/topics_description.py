"""The topics described for subscribers and producers (AsyncAPI 3.0), from the tables that the processes use."""

from __future__ import annotations

from typing import Any

from schemas.registry import newest_of
from schemas.topics import TOPICS, Topic

Json = dict[str, Any]

INTRODUCTION = """\
Every value is Avro in Confluent's wire format: a zero byte, the schema's id as 4 bytes, the record. The API serves the
schemas as a registry does (/schemas/ids/{id}, /subjects/...). Read with isolation.level=read_committed."""


def asyncapi(*, bootstrap: str, partitions: int, version: str) -> Json:
    """Return the document."""
    names = sorted({name for topic in TOPICS for name in topic.values})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "DirectPay's topics", "version": version, "description": INTRODUCTION},
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {"kafka": {"host": bootstrap, "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic, partitions) for topic in TOPICS},
        "operations": {
            f"{'produce' if topic.name == 'payment-commands' else 'consume'}-{topic.name}": {
                # The view of a user of the system: one sends commands and receives everything else.
                "action": "send" if topic.name == "payment-commands" else "receive",
                "channel": {"$ref": f"#/channels/{topic.name}"},
            }
            for topic in TOPICS
            if not topic.restricted
        },
        "components": {"messages": {_short(name): _message(name) for name in names}},
    }


def _channel(topic: Topic, partitions: int) -> Json:
    binding: Json = {
        "topic": topic.name,
        "partitions": topic.partitions_of(partitions),
        "topicConfiguration": dict(topic.settings),
    }
    doc = f"{topic.doc} Key: {topic.key}."
    if topic.restricted:
        doc += " Restricted: it carries sealed secrets."
    return {
        "address": topic.name,
        "description": doc,
        "messages": {_short(name): {"$ref": f"#/components/messages/{_short(name)}"} for name in topic.values},
        "bindings": {"kafka": binding},
    }


def _message(name: str) -> Json:
    schema = newest_of(name)
    return {
        "name": name,
        "title": _short(name),
        "description": schema.json.get("doc", ""),
        "payload": {"schemaFormat": "application/vnd.apache.avro+json;version=1.11.0", "schema": schema.json},
        "bindings": {"kafka": {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent"}},
        "x-schema-id": schema.schema_id,
    }


def _short(name: str) -> str:
    return name.rpartition(".")[2]
