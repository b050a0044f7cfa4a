"""InitiatePayment's and RailReport's Avro bytes, read directly: what is read most must not go through dictionaries.

Only well-formed bytes of the newest schemas are read here, to the values that fastavro gives (a test holds them equal);
for anything else an exception is raised, and the codec has fastavro say what is wrong. A change of a schema changes
this file.
"""

from __future__ import annotations

from payments.commands import InitiatePayment, RailReport, Report, ReportSource

_BODY_AT = 5  # Behind the zero byte and the schema's id.
_SHIFT_MAX = 56  # Of nine bytes: larger numbers are fastavro's.
# A dictionary finds a member in a third of the time that the enumeration's own call takes.
_REPORTS = {report.value: report for report in Report}
_SOURCES = {source.value: source for source in ReportSource}


class NotPlain(ValueError):
    """The bytes are not what this file reads: ask fastavro."""


def read_initiate(data: bytes) -> InitiatePayment:
    """Return the command that the bytes are, wire header included; raises anything when they are not one."""
    command_id, at = _text(data, _BODY_AT)
    tenant_id, at = _text(data, at)
    idempotency_key, at = _text(data, at)
    lease_id, at = _optional(data, at)
    payer_account_id, at = _text(data, at)
    payee_account_id, at = _text(data, at)
    amount_minor, at = _long(data, at)
    currency, at = _text(data, at)
    payment_rail_type, at = _text(data, at)
    description, at = _optional(data, at)
    metadata_json, at = _text(data, at)
    effective_date, at = _optional(data, at)
    refund_of, at = _optional(data, at)
    requested_at_us, at = _long(data, at)
    if at != len(data):
        raise NotPlain
    return InitiatePayment(
        command_id=command_id,
        tenant_id=tenant_id,
        idempotency_key=idempotency_key,
        lease_id=lease_id,
        payer_account_id=payer_account_id,
        payee_account_id=payee_account_id,
        amount_minor=amount_minor,
        currency=currency,
        payment_rail_type=payment_rail_type,
        description=description,
        metadata_json=metadata_json,
        effective_date=effective_date,
        refund_of=refund_of,
        requested_at_us=requested_at_us,
    )


def read_report(data: bytes) -> RailReport:
    """Return the report that the bytes are, wire header included; raises anything when they are not one."""
    tenant_id, at = _text(data, _BODY_AT)
    idempotency_key, at = _text(data, at)
    attempt, at = _long(data, at)
    report, at = _text(data, at)
    occurred_at_us, at = _long(data, at)
    branch = data[at]
    if branch == 0:
        amount_minor, at = None, at + 1
    elif branch == 2:
        amount_minor, at = _long(data, at + 1)
    else:
        raise NotPlain
    code, at = _optional(data, at)
    reason, at = _optional(data, at)
    source, at = _text(data, at)
    bank_reference, at = _optional(data, at)
    if at != len(data):
        raise NotPlain
    return RailReport(
        tenant_id=tenant_id,
        idempotency_key=idempotency_key,
        attempt=attempt,
        report=_REPORTS[report],
        occurred_at_us=occurred_at_us,
        amount_minor=amount_minor,
        code=code,
        reason=reason,
        source=_SOURCES[source],
        bank_reference=bank_reference,
    )


# Each returns what stands at a place, and the place behind it. A text that ends behind the data leaves a place there,
# which the reader of the whole finds.


def _text(data: bytes, at: int) -> tuple[str, int]:
    size = data[at]
    if size & 0x81:  # More than 63 bytes, or negative.
        length, at = _long(data, at)
        if length < 0:
            raise NotPlain
        end = at + length
    else:
        at += 1
        end = at + (size >> 1)
    return data[at:end].decode(), end


def _optional(data: bytes, at: int) -> tuple[str | None, int]:
    branch = data[at]
    if branch == 0:
        return None, at + 1
    if branch == 2:
        return _text(data, at + 1)
    raise NotPlain


def _long(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    zigzag = byte & 0x7F
    shift = 7
    while byte & 0x80:
        if shift > _SHIFT_MAX:
            raise NotPlain
        at += 1
        byte = data[at]
        zigzag |= (byte & 0x7F) << shift
        shift += 7
    return zigzag >> 1 ^ -(zigzag & 1), at + 1
