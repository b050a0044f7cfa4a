"""Our schemas by id, without a registry server: ids are fixed here, append-only, and mean the same everywhere for good.

A new version of a record is a new file and a new row at the end. A row or a file that was released is never changed: a
test holds the hash of each. The API serves these rows as a schema registry does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.topics import TOPICS

AVRO_DIRECTORY = Path(__file__).parent / "avro"

# id: file. The newest version of a record is the one with the highest id.
_FILES = {
    1: "initiate_payment.v1.avsc",
    2: "cancel_payment.v1.avsc",
    3: "rail_report.v1.avsc",
    4: "payment_event.v1.avsc",
    5: "payment_rejection.v1.avsc",
    6: "directory_command.v1.avsc",
    7: "directory_event.v1.avsc",
    8: "directory_secret.v1.avsc",
    9: "refund_payment.v1.avsc",
    10: "initiate_refund.v1.avsc",
    11: "refund_report.v1.avsc",
    12: "ach_payment.v1.avsc",
    13: "ach_cut_off.v1.avsc",
    14: "ach_delivery.v1.avsc",
    15: "ach_settlement.v1.avsc",
    16: "ach_return.v1.avsc",
    17: "ach_notice.v1.avsc",
    18: "ach_return.v2.avsc",
    19: "statement_finding.v1.avsc",
    20: "statement_import.v1.avsc",
    21: "statement_proof.v1.avsc",
    22: "item_resolution.v1.avsc",
    23: "webhook_delivery.v1.avsc",
    24: "webhook_replay.v1.avsc",
    25: "directory_command.v2.avsc",
    26: "directory_event.v2.avsc",
    27: "ach_payment.v2.avsc",
    28: "ach_settlement.v2.avsc",
    29: "ach_return.v3.avsc",
}


# A subject that was served stays, of the time when its topic had one record and of the topic where it was written then.
_KEPT_SUBJECTS = {
    "io.directpay.RailReport": ("rail-reports-value",),
    "io.directpay.InitiateRefund": ("payment-commands-io.directpay.InitiateRefund",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSchema:
    """A version of a record: its id on the wire, its full name, its JSON text, and the subjects it stands under."""

    schema_id: int
    name: str
    text: str
    subjects: tuple[str, ...]

    @property
    def json(self) -> Any:
        """Return the schema as a new JSON value."""
        return json.loads(self.text)


def schema_by_id(schema_id: int) -> RegisteredSchema | None:
    """Return the schema with this id, or None when it is none of ours."""
    return _BY_ID.get(schema_id)


def schemas() -> tuple[RegisteredSchema, ...]:
    """Return every schema, by id."""
    return tuple(_BY_ID.values())


def subjects() -> tuple[str, ...]:
    """Return the names of all subjects, sorted."""
    return tuple(sorted(_BY_SUBJECT))


def versions(subject: str) -> tuple[RegisteredSchema, ...]:
    """Return the versions of a subject, oldest first (the first is version 1); none when the subject is not known."""
    return _BY_SUBJECT.get(subject, ())


def latest(subject: str) -> RegisteredSchema | None:
    """Return the newest version of a subject, or None when the subject is not known."""
    found = versions(subject)
    return found[-1] if found else None


def newest_of(name: str) -> RegisteredSchema:
    """Return the newest version of a record by its full name (`io.directpay.PaymentEvent`)."""
    return _BY_NAME[name]


def id_of(subject: str, schema: str | Mapping[str, Any]) -> int | None:
    """Return the id under which this schema stands in a subject, or None.

    Schemas are the same when they differ in nothing but docs, spaces, order of attributes and how names are spelled.
    """
    try:
        asked = normal_form(json.loads(schema) if isinstance(schema, str) else schema)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    found = (version.schema_id for version in versions(subject) if normal_form(version.json) == asked)
    return next(found, None)


def normal_form(schema: Any, namespace: str = "") -> Any:
    """Return a schema without docs and with every name in full: equal for schemas that mean the same."""
    if isinstance(schema, str):
        return _full_name(schema, namespace)
    if isinstance(schema, list):
        return [normal_form(branch, namespace) for branch in schema]
    normal = {key: value for key, value in schema.items() if key not in ("doc", "namespace", "aliases")}
    if "name" in schema:
        normal["name"] = _full_name(schema["name"], schema.get("namespace", namespace))
        namespace = normal["name"].rpartition(".")[0]
    if isinstance(schema["type"], dict | list):
        normal["type"] = normal_form(schema["type"], namespace)
    for part in ("items", "values"):
        if part in schema:
            normal[part] = normal_form(schema[part], namespace)
    if "fields" in schema:
        normal["fields"] = [_normal_field(field, namespace) for field in schema["fields"]]
    # {"type": "string"} is "string" at length.
    return normal_form(normal["type"], namespace) if set(normal) == {"type"} else normal


PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def _full_name(name: str, namespace: str) -> str:
    return name if name in PRIMITIVES or "." in name or not namespace else f"{namespace}.{name}"


def _normal_field(field: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    normal = {key: value for key, value in field.items() if key not in ("doc", "aliases", "order")}
    normal["type"] = normal_form(field["type"], namespace)
    return normal


def _subjects_of(name: str) -> tuple[str, ...]:
    # Confluent's two usual strategies: topic and record name, and, where a topic has one record, the topic alone.
    found = []
    for topic in TOPICS:
        if name in topic.values:
            found.append(f"{topic.name}-{name}")
            if len(topic.values) == 1:
                found.append(f"{topic.name}-value")
    return (*found, *_KEPT_SUBJECTS.get(name, ()))


def _read(schema_id: int, file: str) -> RegisteredSchema:
    schema = json.loads((AVRO_DIRECTORY / file).read_text(encoding="utf-8"))
    name = f"{schema['namespace']}.{schema['name']}"
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
    return RegisteredSchema(schema_id=schema_id, name=name, text=text, subjects=_subjects_of(name))


_BY_ID = {schema_id: _read(schema_id, file) for schema_id, file in sorted(_FILES.items())}
_BY_NAME = {schema.name: schema for schema in _BY_ID.values()}
_BY_SUBJECT = {
    subject: tuple(schema for schema in _BY_ID.values() if subject in schema.subjects)
    for subject in {subject for schema in _BY_ID.values() for subject in schema.subjects}
}
