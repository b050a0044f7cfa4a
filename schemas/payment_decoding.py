"""PaymentEvent's Avro bytes, read directly: every process reads them, and fastavro's dictionaries cost as much again.

As `schemas.order_decoding`: only well-formed bytes of the newest schema, to the value that fastavro gives.
"""

from __future__ import annotations

from typing import NamedTuple

from payments.payment import EVENT_TYPES, STATUSES, EventType, Failure, Head, Payment, Status, Transition
from payments.rails import RAILS
from schemas.past import Past
from schemas.payment_encoding import step_bytes
from schemas.plain_avro import BODY_AT, NotPlain, read_bytes, read_long, read_optional, read_text

Step = tuple[EventType, Status | None, Status]

# The steps that most payments take, by their number, each with the bytes that it begins with: found by these, it need
# not be read word by word.
_USUAL_STEPS: tuple[tuple[Step, ...], ...] = (
    ((EventType.INITIATED, None, Status.PENDING),),
    ((EventType.PROCESSING, Status.PENDING, Status.PROCESSING),),
    (
        (EventType.COMPLETED, Status.PROCESSING, Status.COMPLETED),
        (EventType.FAILED, Status.PROCESSING, Status.FAILED),
    ),
)
_USUAL = {
    number: [(step_bytes(number, *step), step) for step in steps] for number, steps in enumerate(_USUAL_STEPS, start=1)
}


class Read(NamedTuple):
    """A payment as a record had it, and the bytes of it that the payment's next record repeats."""

    payment: Payment
    past: Past


def read_payment(data: bytes) -> Payment:
    """Return the payment that the bytes are, wire header included; raises anything when they are not one."""
    return read_after(data, None).payment


def read_after(data: bytes, before: Read | None) -> Read:
    """Read a payment of which an earlier record was read: bytes that are the same are not read again.

    Nothing is taken for granted of `before`, not even that it is the same payment's.
    """
    if before is not None and data.startswith(before.past.head, BODY_AT):
        head, at = before.payment.head, BODY_AT + len(before.past.head)
    else:
        head, at = _identified_head(data)
    head_end = at
    status, at = read_text(data, at)
    attempt, at = read_long(data, at)
    failure, at = _failure(data, at)
    refunded_minor, at = read_long(data, at)
    count, begin = read_long(data, at)
    known: tuple[Transition, ...] = ()
    at = begin
    if before is not None and data.startswith(before.past.transitions, begin):
        known, at = before.payment.transitions, begin + len(before.past.transitions)
    transitions, at = _transitions(data, at, known, count)
    if at + 1 != len(data) or transitions[-1].new_status is not STATUSES[status]:
        raise NotPlain
    payment = Payment(
        head=head,
        status=STATUSES[status],
        attempt=attempt,
        failure=failure,
        refunded_minor=refunded_minor,
        transitions=transitions,
    )
    return Read(payment, Past(data[BODY_AT:head_end], data[begin:at]))


def _identified_head(data: bytes) -> tuple[Head, int]:
    payment_id, at = read_text(data, BODY_AT)
    head, at = _head(data, at)
    if head.payment_id != payment_id:
        raise NotPlain
    return head, at


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


def _transitions(data: bytes, at: int, known: tuple[Transition, ...], count: int) -> tuple[tuple[Transition, ...], int]:
    """Read the rest of an array in one block, as we write it, of `count` transitions numbered from 1 without gaps."""
    if not len(known) <= count < len(data) or count == 0:
        raise NotPlain
    transitions = list(known)
    for sequence in range(len(known) + 1, count + 1):
        transition, at = _transition(data, at, sequence)
        transitions.append(transition)
    if data[at] != 0:
        raise NotPlain
    return tuple(transitions), at


def _transition(data: bytes, at: int, sequence: int) -> tuple[Transition, int]:
    for begin, usual in _USUAL.get(sequence, ()):
        if data.startswith(begin, at):
            step, at = usual, at + len(begin)
            break
    else:
        step, at = _step(data, at, sequence)
    occurred_at_us, at = read_long(data, at)
    caused_by, at = read_text(data, at)
    changes, at = _changes(data, at)
    hash_, at = read_bytes(data, at)
    event_type, previous_status, new_status = step
    transition = Transition(
        sequence=sequence,
        event_type=event_type,
        previous_status=previous_status,
        new_status=new_status,
        occurred_at_us=occurred_at_us,
        caused_by=caused_by,
        changes=changes,
        hash=hash_,
    )
    return transition, at


def _step(data: bytes, at: int, sequence: int) -> tuple[Step, int]:
    number, at = read_long(data, at)
    if number != sequence:
        raise NotPlain
    event_type, at = read_text(data, at)
    previous_status, at = read_optional(data, at)
    new_status, at = read_text(data, at)
    previous = None if previous_status is None else STATUSES[previous_status]
    return (EVENT_TYPES[event_type], previous, STATUSES[new_status]), at


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
