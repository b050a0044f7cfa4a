"""PaymentEvent's Avro bytes, read directly: every process reads them, and fastavro's dictionaries cost as much again.

As `schemas.order_decoding`: only well-formed bytes of the newest schema, to the value that fastavro gives.
"""

from __future__ import annotations

from payments.payment import EVENT_TYPES, STATUSES, Failure, Head, Payment, Transition
from payments.rails import RAILS
from schemas.plain_avro import BODY_AT, NotPlain, read_bytes, read_long, read_optional, read_text


def read_payment(data: bytes) -> Payment:
    """Return the payment that the bytes are, wire header included; raises anything when they are not one."""
    payment_id, at = read_text(data, BODY_AT)
    head, at = _head(data, at)
    status, at = read_text(data, at)
    attempt, at = read_long(data, at)
    failure, at = _failure(data, at)
    refunded_minor, at = read_long(data, at)
    transitions, at = _transitions(data, at)
    if at != len(data) or head.payment_id != payment_id or transitions[-1].new_status is not STATUSES[status]:
        raise NotPlain
    return Payment(
        head=head,
        status=STATUSES[status],
        attempt=attempt,
        failure=failure,
        refunded_minor=refunded_minor,
        transitions=transitions,
    )


def _head(data: bytes, at: int) -> tuple[Head, int]:
    tenant_id, at = read_text(data, at)
    idempotency_key, at = read_text(data, at)
    fingerprint, at = read_bytes(data, at)
    fingerprint_version, at = read_long(data, at)
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
    initiated_at_us, at = read_long(data, at)
    due_at_us, at = read_long(data, at)
    expected_settlement_at_us, at = read_long(data, at)
    head = Head(
        tenant_id=tenant_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        fingerprint_version=fingerprint_version,
        lease_id=lease_id,
        payer_account_id=payer_account_id,
        payee_account_id=payee_account_id,
        amount_minor=amount_minor,
        currency=currency,
        payment_rail_type=RAILS[payment_rail_type],
        description=description,
        metadata_json=metadata_json,
        effective_date=effective_date,
        refund_of=refund_of,
        initiated_at_us=initiated_at_us,
        due_at_us=due_at_us,
        expected_settlement_at_us=expected_settlement_at_us,
    )
    return head, at


def _failure(data: bytes, at: int) -> tuple[Failure | None, int]:
    branch = data[at]
    if branch == 0:
        return None, at + 1
    if branch != 2:
        raise NotPlain
    code, at = read_text(data, at + 1)
    reason, at = read_text(data, at)
    source, at = read_text(data, at)
    return Failure(code=code, reason=reason, source=source), at


def _transitions(data: bytes, at: int) -> tuple[tuple[Transition, ...], int]:
    """Read an array in one block, as we write it, of transitions numbered from 1 without gaps."""
    count, at = read_long(data, at)
    if not 0 < count < len(data):
        raise NotPlain
    transitions = []
    for sequence in range(1, count + 1):
        transition, at = _transition(data, at)
        if transition.sequence != sequence:
            raise NotPlain
        transitions.append(transition)
    if data[at] != 0:
        raise NotPlain
    return tuple(transitions), at + 1


def _transition(data: bytes, at: int) -> tuple[Transition, int]:
    sequence, at = read_long(data, at)
    event_type, at = read_text(data, at)
    previous_status, at = read_optional(data, at)
    new_status, at = read_text(data, at)
    occurred_at_us, at = read_long(data, at)
    caused_by, at = read_text(data, at)
    changes, at = _changes(data, at)
    hash_, at = read_bytes(data, at)
    transition = Transition(
        sequence=sequence,
        event_type=EVENT_TYPES[event_type],
        previous_status=None if previous_status is None else STATUSES[previous_status],
        new_status=STATUSES[new_status],
        occurred_at_us=occurred_at_us,
        caused_by=caused_by,
        changes=changes,
        hash=hash_,
    )
    return transition, at


def _changes(data: bytes, at: int) -> tuple[dict[str, str], int]:
    count, at = read_long(data, at)
    changes: dict[str, str] = {}
    if count == 0:
        return changes, at
    if not 0 < count < len(data):
        raise NotPlain
    for _ in range(count):
        name, at = read_text(data, at)
        changes[name], at = read_text(data, at)
    if data[at] != 0:
        raise NotPlain
    return changes, at + 1
