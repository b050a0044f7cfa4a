"""InitiatePayment's and RailReport's Avro bytes, read directly: what is read most must not go through dictionaries.

Only well-formed bytes of the newest schemas are read here, to the values that fastavro gives (a test holds them equal);
for anything else an exception is raised, and the codec has fastavro say what is wrong. A change of a schema changes
this file.
"""

from __future__ import annotations

from payments.commands import InitiatePayment, RailReport, Report, ReportSource
from schemas.plain_avro import BODY_AT, NotPlain, read_long, read_optional, read_text

# A dictionary finds a member in a third of the time that the enumeration's own call takes.
_REPORTS = {report.value: report for report in Report}
_SOURCES = {source.value: source for source in ReportSource}


def read_initiate(data: bytes) -> InitiatePayment:
    """Return the command that the bytes are, wire header included; raises anything when they are not one."""
    command_id, at = read_text(data, BODY_AT)
    tenant_id, at = read_text(data, at)
    idempotency_key, at = read_text(data, at)
    lease_id, at = read_optional(data, at)
    payer_account_id, at = read_text(data, at)
    payee_account_id, at = read_text(data, at)
    amount_minor, at = read_long(data, at)
    currency, at = read_text(data, at)
    payment_rail_type, at = read_text(data, at)
    description, at = read_optional(data, at)
    metadata_json, at = read_text(data, at)
    effective_date, at = read_optional(data, at)
    refund_of, at = read_optional(data, at)
    requested_at_us, at = read_long(data, at)
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
    tenant_id, at = read_text(data, BODY_AT)
    idempotency_key, at = read_text(data, at)
    attempt, at = read_long(data, at)
    report, at = read_text(data, at)
    occurred_at_us, at = read_long(data, at)
    branch = data[at]
    if branch == 0:
        amount_minor, at = None, at + 1
    elif branch == 2:
        amount_minor, at = read_long(data, at + 1)
    else:
        raise NotPlain
    code, at = read_optional(data, at)
    reason, at = read_optional(data, at)
    source, at = read_text(data, at)
    bank_reference, at = read_optional(data, at)
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
