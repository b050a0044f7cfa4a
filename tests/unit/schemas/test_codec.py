"""Values to bytes and back; and bytes that are none of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.commands import CancelPayment, InitiatePayment, RailReport
from payments.payment import Head, Payment, Transition
from schemas import codec
from schemas.codec import Undecodable, UnknownSchema, decode, encode, event_headers, register
from schemas.records import Record, Value, initiate_record, payment_record, report_record, transition_record
from schemas.registry import newest_of, schemas
from schemas.topics import RECORD_BYTES_MAX
from tests.contract import samples
from tests.unit.schemas.values import initiates, payments, reports, values

LEASE = {
    "property_id": samples.PAYER,
    "renter_id": samples.PAYEE,
    "rent_amount_minor": 1,
    "due_day": 1,
    "start_date": "2026-02-15",
}
FOREIGN = 4_000_000_000  # The wire's id has 4 bytes without a sign.


def cancel_with(field_type: Any) -> str:
    """Return a schema of the name of ours with one field of this type."""
    fields = [{"name": "x", "type": field_type}]
    return json.dumps({"type": "record", "name": "io.directpay.CancelPayment", "fields": fields})


@pytest.fixture(autouse=True)
def learnt_schemas_are_forgotten() -> Iterator[None]:
    before = dict(codec._READERS)
    yield
    codec._READERS.clear()
    codec._READERS.update(before)


@given(value=values)
@settings(max_examples=600)
def test_a_value_comes_back_as_it_was(value: Value) -> None:
    data = encode(value)
    assert decode(data) == value
    assert encode(decode(data)) == data


@given(value=values)
def test_values_come_back_as_the_types_they_were(value: Value) -> None:
    # repr shows an enumeration's member where == would take the bare text for it.
    assert repr(decode(encode(value))) == repr(value)


@given(payment=payments())
def test_a_payment_has_the_bytes_that_fastavro_gives_it(payment: Payment) -> None:
    assert encode(payment) == by_fastavro("PaymentEvent", payment_record(payment))


@given(order=initiates)
def test_a_command_has_the_bytes_that_fastavro_gives_it(order: InitiatePayment) -> None:
    assert encode(order) == by_fastavro("InitiatePayment", initiate_record(order))


@given(report=reports)
def test_a_report_has_the_bytes_that_fastavro_gives_it(report: RailReport) -> None:
    assert encode(report) == by_fastavro("RailReport", report_record(report))


def by_fastavro(name: str, record: Record) -> bytes:
    newest = newest_of(f"io.directpay.{name}")
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(newest.text)), record)
    return b"\0" + newest.schema_id.to_bytes(4, "big") + body.getvalue()


@given(value=values, data=st.data())
def test_a_value_cut_short_is_undecodable(value: Value, data: st.DataObject) -> None:
    whole = encode(value)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Undecodable) as caught:
        decode(cut)
    assert caught.value.reason == "undecodable"


@given(value=values, more=st.binary(min_size=1, max_size=8))
def test_a_value_with_something_behind_it_is_undecodable(value: Value, more: bytes) -> None:
    with pytest.raises(Undecodable, match="left over"):
        decode(encode(value) + more)


@given(value=values, data=st.data())
@settings(max_examples=600)
def test_altered_bytes_are_a_value_or_undecodable(value: Value, data: st.DataObject) -> None:
    altered = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    _decode_or_refuse(bytes(altered))


@given(schema_id=st.sampled_from([schema.schema_id for schema in schemas()]), body=st.binary(max_size=400))
@settings(max_examples=600)
def test_garbage_under_a_known_schema_is_a_value_or_undecodable(schema_id: int, body: bytes) -> None:
    _decode_or_refuse(b"\x00" + schema_id.to_bytes(4, "big") + body)


@given(data=st.binary(max_size=200))
def test_garbage_is_undecodable_or_of_an_unknown_schema(data: bytes) -> None:
    _decode_or_refuse(data)


def _decode_or_refuse(data: bytes) -> None:
    """Let nothing else through than what `decode` promises; and what it takes must be a value that can be written."""
    try:
        value = decode(data)
    except (Undecodable, UnknownSchema):
        return
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"\x00",
        b"\x00\x00\x00\x00",
        b"\x01\x00\x00\x00\x01",
        b'{"command_id": 1}',
        bytes(RECORD_BYTES_MAX + 1),
        # An array that claims 2^62 transitions, a text that claims 2^62 bytes.
        b"\x00\x00\x00\x00\x02" + b"\xfe" * 9 + b"\x01",
        b"\x00\x00\x00\x00\x02" + b"\xff" * 30,
    ],
)
def test_what_is_no_record_is_undecodable(data: bytes | None) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(data)
    assert caught.value.reason == "undecodable"
    assert caught.value.fields is None


def test_a_history_that_claims_to_be_endless_is_undecodable_at_once() -> None:
    whole = encode(samples.COMPLETED_PAYMENT)
    start = whole.index(_transition_bytes(samples.INITIATED))
    claimed = whole[: start - 1] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[start:]
    with pytest.raises(Undecodable):
        decode(claimed)


# What breaks a rule: decoded as Avro, refused as a value, with what was read and the faults.


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("amount_minor", 0),
        ("amount_minor", 100_000_001),
        ("tenant_id", "a:b"),
        ("idempotency_key", ""),
        ("idempotency_key", "directpay:mine"),
        ("payer_account_id", samples.PAYEE),
        ("currency", "EUR"),
        ("payment_rail_type", "pigeon"),
        ("metadata_json", "[]"),
        ("requested_at_us", 1),
        ("command_id", "1"),
    ],
)
def test_a_command_that_breaks_a_rule_tells_what_was_read_and_what_is_wrong(field: str, wrong: Any) -> None:
    record = {name: getattr(samples.INITIATE_SPARSE, name) for name in InitiatePayment.__struct_fields__}
    record[field] = wrong
    with pytest.raises(Undecodable) as caught:
        decode(_written("io.directpay.InitiatePayment", record))
    assert caught.value.reason == "invalid-command"
    assert caught.value.errors
    assert caught.value.fields is not None
    assert caught.value.fields == record


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payment_id": samples.PAYER}, "payment_id"),
        ({"status": "pending"}, "status"),
        ({"status": "lost"}, "status"),
        ({"payment_rail_type": "pigeon"}, "payment_rail_type"),
        ({"transitions": []}, "transitions"),
        ({"transitions": [transition_record(samples.COMPLETED)]}, "transitions"),
        ({"transitions": [transition_record(samples.INITIATED) | {"event_type": "payment_lost"}]}, "transitions"),
    ],
)
def test_an_event_that_contradicts_itself_is_undecodable(changes: dict[str, Any], field: str) -> None:
    record = payment_record(samples.COMPLETED_PAYMENT) | changes
    with pytest.raises(Undecodable) as caught:
        decode(_written("io.directpay.PaymentEvent", record))
    assert [error.field for error in caught.value.errors] == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "user"}, "kind"),
        ({"kind": "castle"}, "kind"),
        ({"state": "asleep"}, "state"),
        ({"entity": ("io.directpay.User", {"email": "a@b.c", "role": "king"})}, "role"),
        ({"entity": ("io.directpay.ApiKey", {"name": "n", "scopes": ["all"], "hint": "x"})}, "scopes"),
        ({"entity": ("io.directpay.Lease", LEASE | {"start_date": "20260215"})}, "start_date"),
        ({"entity": ("io.directpay.Lease", LEASE | {"end_date": "never"})}, "end_date"),
    ],
)
def test_an_entity_that_breaks_a_rule_is_undecodable(changes: dict[str, Any], field: str) -> None:
    record: dict[str, Any] = {
        "entity_id": samples.ENTITY, "tenant_id": "demo", "kind": "property", "state": "active", "version": 1,
        "created_by": samples.COMMAND, "changed_by": samples.COMMAND, "fingerprint": b"", "created_at_us": 1,
        "updated_at_us": 1, "entity": ("io.directpay.Property", {"owner_id": samples.ENTITY, "address": "x"}),
    }  # fmt: skip
    decode(_written("io.directpay.DirectoryEvent", record))
    with pytest.raises(Undecodable) as caught:
        decode(_written("io.directpay.DirectoryEvent", record | changes))
    assert [error.field for error in caught.value.errors] == [field]


# The history as blocks: a transition appended to the bytes that are there.


@given(payment=payments(), data=st.data())
def test_a_history_in_several_blocks_is_read_as_one(payment: Payment, data: st.DataObject) -> None:
    whole = encode(payment)
    steps = [_transition_bytes(step) for step in payment.transitions]
    head = whole[: whole.rindex(_varint(len(steps)) + b"".join(steps) + b"\x00")]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(steps)))) | {0, len(steps)})
    blocks = [steps[start:end] for start, end in pairwise(cuts)]
    # A block is its count and its items, or the negative count, the size in bytes, and its items.
    written = b"".join(
        _varint(-len(block)) + _varint(len(b"".join(block))) + b"".join(block)
        if data.draw(st.booleans())
        else _varint(len(block)) + b"".join(block)
        for block in blocks
    )
    assert decode(head + written + b"\x00") == payment


def test_a_transition_can_be_appended_to_the_bytes_that_are_there() -> None:
    before = encode(samples.PENDING)
    appended = before[:-1] + _varint(1) + _transition_bytes(samples.PROCESSING) + b"\x00"
    record = _read_generically(appended)
    assert [step["sequence"] for step in record["transitions"]] == [1, 2]


def test_what_never_changes_comes_first_then_the_state_and_the_history_last() -> None:
    fields = [field["name"] for field in newest_of("io.directpay.PaymentEvent").json["fields"]]
    state = [name for name in Payment.__struct_fields__ if name != "head"]
    assert fields == ["payment_id", *Head.__struct_fields__, *state]
    assert fields[-1] == "transitions"


# Schemas from elsewhere.


def test_a_schema_that_is_not_known_can_be_learnt() -> None:
    record = {
        "idempotency_key": "k", "tenant_id": "demo", "cancel_key": "c", "requested_at_us": samples.AT_US, "why": "x",
    }  # fmt: skip
    schema = newest_of("io.directpay.CancelPayment").json
    # Another version: another order, one field more, one as an int that we have as a long.
    schema["fields"].reverse()
    schema["fields"].append({"name": "why", "type": "string"})
    data = b"\x00" + FOREIGN.to_bytes(4, "big") + _body(schema, record)
    with pytest.raises(UnknownSchema) as caught:
        decode(data)
    assert caught.value.schema_id == FOREIGN
    register(FOREIGN, json.dumps(schema))
    assert decode(data) == CancelPayment(
        tenant_id="demo", idempotency_key="k", cancel_key="c", requested_at_us=samples.AT_US
    )


def test_fields_that_a_learnt_schema_lacks_have_their_defaults() -> None:
    schema = newest_of("io.directpay.InitiatePayment").json
    schema["fields"] = [field for field in schema["fields"] if "default" not in field]
    register(FOREIGN, json.dumps(schema))
    record = {field["name"]: getattr(samples.INITIATE_SPARSE, field["name"]) for field in schema["fields"]}
    assert decode(b"\x00" + FOREIGN.to_bytes(4, "big") + _body(schema, record)) == samples.INITIATE_SPARSE


@pytest.mark.parametrize("value", [samples.create(kind) for kind in samples.ENTITIES], ids=lambda value: value.kind)
def test_a_learnt_schema_s_entities_keep_their_kind(value: Any) -> None:
    register(FOREIGN, newest_of("io.directpay.DirectoryCommand").text)
    data = encode(value)
    assert decode(b"\x00" + FOREIGN.to_bytes(4, "big") + data[5:]) == value


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        ("no json", "not an Avro schema"),
        ("[" * 5000, "not an Avro schema"),
        ('{"type": "record", "name": "X", "fields": [{"name": "a", "type": "com.example.Elsewhere"}]}', "stands alone"),
        ('"string"', "not of a record of ours"),
        ('["null", "string"]', "not of a record of ours"),
        ('{"type": "record", "name": "InitiatePayment", "namespace": "com.example", "fields": []}', "not of a record"),
        (cancel_with({"type": "array", "items": "null"}), "no bytes"),
        (cancel_with(["null", "io.directpay.CancelPayment"]), "contains itself"),
    ],
)
def test_what_was_written_with_a_schema_that_we_cannot_use_is_undecodable(schema: str, detail: str) -> None:
    register(FOREIGN, schema)
    with pytest.raises(Undecodable, match=detail):
        decode(b"\x00" + FOREIGN.to_bytes(4, "big") + b"\x02\x02")


def test_a_learnt_schema_that_lacks_what_we_need_makes_its_records_undecodable() -> None:
    register(FOREIGN, '{"type": "record", "name": "io.directpay.CancelPayment", "fields": []}')
    with pytest.raises(Undecodable):
        decode(b"\x00" + FOREIGN.to_bytes(4, "big"))


def test_our_own_ids_cannot_be_taken_over() -> None:
    register(1, '"string"')
    assert decode(encode(samples.INITIATE_FULL)) == samples.INITIATE_FULL


# What subscribers see.


def test_an_event_s_headers_are_cloud_events() -> None:
    assert dict(event_headers(samples.RETURNED_PAYMENT)) == {
        "ce_specversion": b"1.0",
        "ce_id": f"{samples.RETURNED_PAYMENT.payment_id}:4".encode(),
        "ce_type": b"payment_returned",
        "ce_source": b"/directpay",
        "ce_time": b"2026-12-01T00:00:00.000004Z",
        "content-type": b"application/avro",
        "directpay_status": b"returned",
    }


def _written(name: str, record: dict[str, Any]) -> bytes:
    schema = newest_of(name)
    return b"\x00" + schema.schema_id.to_bytes(4, "big") + _body(schema.json, record)


def _body(schema: Any, record: dict[str, Any]) -> bytes:
    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    return body.getvalue()


def _read_generically(data: bytes) -> Any:
    schema = fastavro.parse_schema(newest_of("io.directpay.PaymentEvent").json)
    return fastavro.schemaless_reader(BytesIO(data[5:]), schema, None)


def _transition_bytes(step: Transition) -> bytes:
    fields = {field["name"]: field for field in newest_of("io.directpay.PaymentEvent").json["fields"]}
    return _body(fields["transitions"]["type"]["items"], transition_record(step))


def _varint(number: int) -> bytes:
    """Return Avro's long: zig-zag, 7 bits a byte, the least first."""
    zigzag = number << 1 if number >= 0 else (-number << 1) - 1
    written = bytearray()
    while zigzag > 0x7F:
        written.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    written.append(zigzag)
    return bytes(written)
