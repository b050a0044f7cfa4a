"""Schemas by id and subject, as the API serves them."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import pytest

from schemas.registry import id_of, latest, newest_of, normal_form, schema_by_id, schemas, subjects, versions

EVENT = "io.directpay.PaymentEvent"


def test_each_record_stands_under_its_topic_and_name_and_a_topic_with_one_record_alone() -> None:
    assert newest_of(EVENT).subjects == ("payment-events-io.directpay.PaymentEvent", "payment-events-value")
    # A caller cancels a payment; a payment that is returned cancels its refunds.
    assert newest_of("io.directpay.CancelPayment").subjects == (
        "payment-commands-io.directpay.CancelPayment",
        "rail-reports-io.directpay.CancelPayment",
    )
    assert "payment-commands-value" not in subjects()


def test_a_subject_that_was_served_stays_when_its_topic_gets_a_second_record() -> None:
    assert latest("rail-reports-value") is newest_of("io.directpay.RailReport")
    assert newest_of("io.directpay.RefundReport").subjects == ("rail-reports-io.directpay.RefundReport",)


def test_a_subject_that_was_served_stays_when_its_record_is_written_to_another_topic() -> None:
    assert latest("payment-commands-io.directpay.InitiateRefund") is newest_of("io.directpay.InitiateRefund")
    assert latest("rail-reports-io.directpay.InitiateRefund") is newest_of("io.directpay.InitiateRefund")


def test_the_latest_version_of_a_subject_is_the_record_s_newest() -> None:
    assert list(subjects()) == sorted(subjects())
    for subject in subjects():
        found = latest(subject)
        assert found is versions(subject)[-1]
        assert found is not None
        assert found is newest_of(found.name)
    assert latest("payment-events-key") is None
    assert versions("payment-events-key") == ()


def test_an_unknown_id_has_no_schema() -> None:
    assert schema_by_id(10_000) is None


def test_a_served_schema_is_found_again_under_its_subject_only() -> None:
    for schema in schemas():
        for subject in schema.subjects:
            assert id_of(subject, schema.text) == schema.schema_id
            assert id_of(subject, json.dumps(schema.json, indent=4, sort_keys=True)) == schema.schema_id
        assert id_of("payment-events-key", schema.text) is None


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_a_schema_is_found_as_other_programs_write_it(schema: Any) -> None:
    # fastavro writes names in full and leaves docs in; so does avro for Python, without them.
    parsed = fastavro.parse_schema(schema.json)
    assert isinstance(parsed, dict)
    in_full = {name: part for name, part in parsed.items() if not name.startswith("__")}
    assert id_of(schema.subjects[0], in_full) == schema.schema_id
    assert id_of(schema.subjects[0], _at_length(schema.json)) == schema.schema_id


def test_another_schema_is_not_found() -> None:
    event = newest_of(EVENT)
    subject = event.subjects[0]
    for change in (_without_a_default, _with_another_type, _renamed, _in_another_order, _without_logical_type):
        other = event.json
        change(other)
        assert normal_form(other) != normal_form(event.json)
        assert id_of(subject, other) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"string"', '{"type":"record"}', '{"a":1}', "[" * 5000])
def test_what_is_no_schema_is_not_found(text: str) -> None:
    assert id_of("payment-events-value", text) is None


def _without_a_default(schema: dict[str, Any]) -> None:
    del next(field for field in schema["fields"] if field["name"] == "lease_id")["default"]


def _with_another_type(schema: dict[str, Any]) -> None:
    next(field for field in schema["fields"] if field["name"] == "amount_minor")["type"] = "int"


def _renamed(schema: dict[str, Any]) -> None:
    schema["namespace"] = "com.example"


def _in_another_order(schema: dict[str, Any]) -> None:
    schema["fields"].reverse()


def _without_logical_type(schema: dict[str, Any]) -> None:
    next(field for field in schema["fields"] if field["name"] == "due_at_us")["type"] = "long"


def _at_length(schema: Any) -> Any:
    """Return the schema with "string" written as {"type": "string"}, as Java programs sometimes do."""
    if isinstance(schema, list):
        return [_at_length(branch) for branch in schema]
    if isinstance(schema, str):
        return {"type": schema}
    at_length = dict(schema)
    if "fields" in schema:
        at_length["fields"] = [{**field, "type": _at_length(field["type"])} for field in schema["fields"]]
    for part in ("items", "values"):
        if part in schema:
            at_length[part] = _at_length(schema[part])
    return at_length
