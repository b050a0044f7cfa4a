"""Values to bytes and back: Avro in Confluent's wire format (a zero byte, the schema's id in 4 bytes, Avro)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

import fastavro
from fastavro.types import AvroMessage, Schema

from directory.changes import DirectoryCommand, DirectoryRecord, DirectorySecret
from payments.commands import CancelPayment, InitiatePayment, RailReport
from payments.payment import EventType, Payment, Status
from payments.refund_orders import InitiateRefund, RefundPayment, RefundReport
from payments.refusals import FieldError, Refusal
from payments.rejection import Rejection
from payments.timestamps import rfc3339
from schemas import deliveries, origination, reconciliation, records, registry
from schemas.deliveries import WebhookDelivery, WebhookReplay
from schemas.order_decoding import read_initiate, read_report
from schemas.order_encoding import initiate_bytes
from schemas.origination import AchCutOff, AchDelivery, AchNotice, AchPayment, AchReturn, AchSettlement
from schemas.past import Past
from schemas.payment_decoding import read_payment
from schemas.payment_encoding import past_of, payment_bytes
from schemas.reconciliation import ItemResolution, StatementFinding, StatementImport, StatementProof
from schemas.records import Record, Value
from schemas.report_encoding import report_bytes
from schemas.schema_shape import SchemaUnusable, check_shape, without_logical_types
from schemas.topics import RECORD_BYTES_MAX

MAGIC = b"\x00"
HEADER_BYTES = 5
DETAIL_CHARACTERS_MAX = 1000

_SPECVERSION = ("ce_specversion", b"1.0")
_SOURCE = ("ce_source", b"/directpay")
_CONTENT_TYPE = ("content-type", b"application/avro")
_TYPES = {event_type: ("ce_type", event_type.encode()) for event_type in EventType}
_STATUSES = {status: ("directpay_status", status.encode()) for status in Status}


class Undecodable(Exception):
    """Bytes that are no value of ours. `reason` is a stable code: `undecodable`, or that of the rule that is broken.

    `fields` is what was read when the bytes were a record but the record broke a rule; `errors` names the faults.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        detail = detail[:DETAIL_CHARACTERS_MAX]
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.errors = errors
        self.fields = fields


class UnknownSchema(Exception):
    """The schema with this id is not known here: learn it, `register` it, and decode again. Not (yet) poison."""

    def __init__(self, schema_id: int) -> None:
        super().__init__(f"schema {schema_id} is not known")
        self.schema_id = schema_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    header: bytes
    schema: Schema
    to_record: Callable[[Any], Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """How to read one schema id; `resolve_to` is our schema of the record when the bytes were written by another."""

    schema: Schema
    resolve_to: Schema | None
    from_record: Callable[[Record], Value]


_VALUES: dict[type[Value], tuple[str, Callable[[Any], Record], Callable[[Record], Value]]] = {
    InitiatePayment: ("InitiatePayment", records.initiate_record, records.initiate_value),
    CancelPayment: ("CancelPayment", records.cancel_record, records.cancel_value),
    RailReport: ("RailReport", records.report_record, records.report_value),
    RefundPayment: ("RefundPayment", records.refund_record, records.refund_value),
    InitiateRefund: ("InitiateRefund", records.initiate_refund_record, records.initiate_refund_value),
    RefundReport: ("RefundReport", records.refund_report_record, records.refund_report_value),
    Payment: ("PaymentEvent", records.payment_record, records.payment_value),
    Rejection: ("PaymentRejection", records.rejection_record, records.rejection_value),
    DirectoryCommand: ("DirectoryCommand", records.command_record, records.command_value),
    DirectoryRecord: ("DirectoryEvent", records.entity_record, records.entity_value),
    DirectorySecret: ("DirectorySecret", records.secret_record, records.secret_value),
    AchPayment: ("AchPayment", origination.payment_record, origination.payment_value),
    AchCutOff: ("AchCutOff", origination.cut_off_record, origination.cut_off_value),
    AchDelivery: ("AchDelivery", origination.delivery_record, origination.delivery_value),
    AchSettlement: ("AchSettlement", origination.settlement_record, origination.settlement_value),
    AchReturn: ("AchReturn", origination.return_record, origination.return_value),
    AchNotice: ("AchNotice", origination.notice_record, origination.notice_value),
    StatementFinding: ("StatementFinding", reconciliation.finding_record, reconciliation.finding_value),
    StatementImport: ("StatementImport", reconciliation.import_record, reconciliation.import_value),
    StatementProof: ("StatementProof", reconciliation.proof_record, reconciliation.proof_value),
    ItemResolution: ("ItemResolution", reconciliation.resolution_record, reconciliation.resolution_value),
    WebhookDelivery: ("WebhookDelivery", deliveries.delivery_record, deliveries.delivery_value),
    WebhookReplay: ("WebhookReplay", deliveries.replay_record, deliveries.replay_value),
}


def encode(value: Value) -> bytes:
    """Return the value as it stands on its topic."""
    if isinstance(value, Payment):
        return encode_event(value, past_of(value))
    if isinstance(value, RailReport):
        return _bounded(_WRITERS[RailReport].header + report_bytes(value))
    if isinstance(value, InitiatePayment):
        return _bounded(_WRITERS[InitiatePayment].header + initiate_bytes(value))
    return _bounded(_written(value, _WRITERS[type(value)]))


def encode_event(payment: Payment, past: Past) -> bytes:
    """Return a payment's event as it stands on payment-events; `past` spares writing its history once more."""
    return _bounded(_WRITERS[Payment].header + payment_bytes(payment, past))


def decode(data: bytes | None) -> Value:
    """Return the value that the bytes are, or raise Undecodable or UnknownSchema; nothing else, whatever the bytes."""
    if data is None:
        raise Undecodable("undecodable", "there is no value")
    if len(data) > RECORD_BYTES_MAX:
        raise Undecodable("undecodable", f"{len(data)} bytes are more than {RECORD_BYTES_MAX}")
    read_plain = _PLAIN.get(data[:HEADER_BYTES])
    if read_plain is not None:
        try:
            return read_plain(data)
        except Exception:  # noqa: S110  It is read again, to say what is wrong.
            pass
    if len(data) < HEADER_BYTES or data[:1] != MAGIC:
        raise Undecodable("undecodable", "not Confluent's wire format: a zero byte and 4 bytes of schema id come first")
    schema_id = int.from_bytes(data[1:HEADER_BYTES], "big")
    reader = _READERS.get(schema_id)
    if reader is None:
        raise UnknownSchema(schema_id)
    if isinstance(reader, str):
        raise Undecodable("undecodable", f"schema {schema_id}: {reader}")
    return _value(data, reader)


def register(schema_id: int, schema_json: str) -> None:
    """Take a schema learnt from elsewhere: its records are read as our newest of the same full name.

    What is no schema, or of no record of ours, is remembered too: its records are Undecodable. Ids of ours stay ours.
    """
    if registry.schema_by_id(schema_id) is None:
        _READERS[schema_id] = _foreign_reader(schema_json)


def event_headers(payment: Payment) -> list[tuple[str, bytes]]:
    """Return the CloudEvents headers of the payment's last transition, and its status for readers who only count."""
    last = payment.last
    return [
        _SPECVERSION,
        ("ce_id", f"{payment.payment_id}:{last.sequence}".encode()),
        _TYPES[last.event_type],
        _SOURCE,
        ("ce_time", rfc3339(last.occurred_at_us).encode()),
        _CONTENT_TYPE,
        _STATUSES[payment.status],
    ]


def _bounded(data: bytes) -> bytes:
    assert len(data) <= RECORD_BYTES_MAX, "the rules of the values keep every record below the limit"
    return data


def _written(value: Value, writer: _Writer) -> bytes:
    body = BytesIO()
    body.write(writer.header)
    fastavro.schemaless_writer(body, writer.schema, writer.to_record(value))
    return body.getvalue()


def _value(data: bytes, reader: _Reader) -> Value:
    record = _read(data, reader)
    try:
        return reader.from_record(record)
    except Refusal as refusal:
        raise Undecodable(refusal.code, refusal.detail, refusal.errors, record) from None


def _read(data: bytes, reader: _Reader) -> Record:
    body = BytesIO(data)
    body.seek(HEADER_BYTES)
    try:
        # A union of several records comes with the record's name, one of null and a record without.
        record: AvroMessage = fastavro.schemaless_reader(
            body, reader.schema, reader.resolve_to, return_record_name=True, return_record_name_override=True
        )
    except MemoryError:
        raise  # It says something of this machine, not of the bytes.
    except Exception as error:
        # Garbage makes the parser raise what it happens to meet: IndexError, EOFError, OverflowError, ...
        raise Undecodable("undecodable", f"not the record that its schema describes ({type(error).__name__})") from None
    if body.tell() != len(data):
        raise Undecodable("undecodable", f"{len(data) - body.tell()} bytes are left over after the record")
    return cast(Record, record)


def _foreign_reader(schema_json: str) -> _Reader | str:
    try:
        schema = json.loads(schema_json)
        check_shape(schema)
        parsed = fastavro.parse_schema(without_logical_types(schema))
    except SchemaUnusable as unusable:
        return str(unusable)
    except Exception as error:
        return f"not an Avro schema that stands alone ({type(error).__name__})"
    ours = _OURS.get(parsed["name"] if isinstance(parsed, dict) and parsed["type"] == "record" else "")
    if ours is None:
        return "not of a record of ours"
    return _Reader(schema=parsed, resolve_to=ours.schema, from_record=ours.from_record)


def _parse(text: str) -> Schema:
    # Times stay integers: on our own path nobody wants the conversion, and it costs a microsecond each.
    return fastavro.parse_schema(without_logical_types(json.loads(text)))


def _writer(name: str, to_record: Callable[[Any], Record]) -> _Writer:
    newest = registry.newest_of(f"io.directpay.{name}")
    header = MAGIC + newest.schema_id.to_bytes(4, "big")
    return _Writer(header=header, schema=_parse(newest.text), to_record=to_record)


_WRITERS = {value: _writer(name, to_record) for value, (name, to_record, _) in _VALUES.items()}
_OURS = {
    f"io.directpay.{name}": _Reader(schema=_WRITERS[value].schema, resolve_to=None, from_record=from_record)
    for value, (name, _, from_record) in _VALUES.items()
}


# By the bytes before the body: these read what is well formed in half of the time, and raise anything for what is not.
_PLAIN: Mapping[bytes, Callable[[bytes], Value]] = {
    _WRITERS[InitiatePayment].header: read_initiate,
    _WRITERS[RailReport].header: read_report,
    _WRITERS[Payment].header: read_payment,
}


def _own_reader(version: registry.RegisteredSchema) -> _Reader | str:
    newest = registry.newest_of(version.name)
    ours = _OURS[version.name]
    if version is newest:
        return ours
    return _Reader(schema=_parse(version.text), resolve_to=ours.schema, from_record=ours.from_record)


# By schema id; for a schema that cannot be used, why.
_READERS: dict[int, _Reader | str] = {version.schema_id: _own_reader(version) for version in registry.schemas()}
