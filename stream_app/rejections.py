"""Rejections: what is written of a record that is refused, the same bytes however often it is refused."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from directory.changes import DirectoryCommand
from payments.idempotency import cancel_id, is_clean_text, payment_id, refund_idempotency_key
from payments.refund_orders import RefundPayment
from payments.refusals import FieldError
from payments.rejection import INPUT_GONE, RAW_BYTES_MAX, Rejection
from schemas import codec, topics
from stream_app.exactly_once.gaps import Gap
from stream_app.exactly_once.records import InputRecord, OutputRecord

# What a rejection repeats of the refused record is bounded, so that it can always be written.
TEXT_BYTES_MAX = 2048
DETAIL_CHARACTERS_MAX = 1000


def refused_unread(
    record: InputRecord,
    reason: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    fields: Mapping[str, Any] | None = None,
) -> Rejection:
    """Refuse a record that is no value; `fields` is what could be read of it, so that its sender can be told."""
    return _rejection(record, reason, detail, errors, **_ids_of_fields(fields or {}))


def refused_value(
    record: InputRecord, value: Any, reason: str, detail: str, errors: tuple[FieldError, ...] = ()
) -> Rejection:
    """Refuse a value that was read: an order of a payment or a directory command."""
    if isinstance(value, DirectoryCommand):
        ids = {"tenant_id": value.tenant_id, "command_id": value.command_id, "entity_id": value.entity_id}
    else:
        # A refund is told of by its own id, under which its caller looks for it.
        of = value.refund_id if isinstance(value, RefundPayment) else value.payment_id
        ids = {"tenant_id": value.tenant_id, "command_id": value.id, "payment_id": of}
    return _rejection(record, reason, detail, errors, **ids)


def input_gone(gap: Gap) -> Rejection:
    """Tell of records that were deleted before they were decided: nobody can say what they asked for."""
    return Rejection(
        topic=gap.topic,
        partition=gap.partition,
        offset=gap.first,
        key=None,
        reason=INPUT_GONE,
        detail=f"the records up to offset {gap.last} were deleted before they were decided; an operator accepted it",
        rejected_at_us=time.time_ns() // 1000,
        raw=b"",
        raw_bytes=0,
        raw_sha256=hashlib.sha256(b"").digest(),
    )


def rejection_record(rejection: Rejection) -> OutputRecord:
    """Return the rejection as a record, under the key of what was refused."""
    key = rejection.key.encode() if rejection.key is not None else None
    return OutputRecord(topic=topics.PAYMENT_REJECTIONS.name, key=key, value=codec.encode(rejection))


def _rejection(
    record: InputRecord,
    reason: str,
    detail: str,
    errors: tuple[FieldError, ...],
    *,
    tenant_id: str | None = None,
    payment_id: str | None = None,
    command_id: str | None = None,
    entity_id: str | None = None,
) -> Rejection:
    raw = record.value or b""
    return Rejection(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=_key_text(record.key),
        reason=reason,
        detail=detail[:DETAIL_CHARACTERS_MAX],
        errors=errors,
        tenant_id=tenant_id,
        payment_id=payment_id,
        command_id=command_id,
        entity_id=entity_id,
        # The broker's time of the refused record: a replay refuses it with the same bytes.
        rejected_at_us=record.timestamp * 1000,
        raw=raw[:RAW_BYTES_MAX],
        raw_bytes=len(raw),
        raw_sha256=hashlib.sha256(raw).digest(),
    )


def _ids_of_fields(fields: Mapping[str, Any]) -> dict[str, str | None]:
    def text(name: str) -> str | None:
        value = fields.get(name)
        return _kept(value) if isinstance(value, str) else None

    tenant_id, key, cancel_key = text("tenant_id"), text("idempotency_key"), text("cancel_key")
    payment = None
    if tenant_id is not None and key is not None:
        payment = payment_id(tenant_id, key)
        if (refund_key := text("refund_key")) is not None:
            payment = payment_id(tenant_id, refund_idempotency_key(payment, refund_key))
    command = text("command_id")
    if command is None and payment is not None and cancel_key is not None:
        command = cancel_id(payment, cancel_key)
    return {"tenant_id": tenant_id, "payment_id": payment, "command_id": command, "entity_id": text("entity_id")}


def _key_text(key: bytes | None) -> str | None:
    try:
        return None if key is None else _kept(key.decode())
    except UnicodeDecodeError:
        return None


def _kept(text: str) -> str | None:
    """Return a text that every store on the path can hold, else None."""
    return text if is_clean_text(text) and 0 < len(text.encode()) <= TEXT_BYTES_MAX else None
