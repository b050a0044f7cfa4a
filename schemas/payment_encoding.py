"""PaymentEvent's Avro bytes, written directly: what is written most often must not go through a record of dictionaries.

The bytes are fastavro's for the newest PaymentEvent schema (a test holds them equal); a change of the schema changes
this file.
"""

from __future__ import annotations

from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import Rail
from schemas.past import Past
from schemas.plain_avro import bytes_of, long_of, optional_of, text_of

_WORDS = {word.value: text_of(word.value) for words in (Status, EventType, Rail) for word in words}
_OPTIONAL_STATUS: dict[Status | None, bytes] = {None: b"\0", **{status: b"\2" + text_of(status) for status in Status}}


def past_of(payment: Payment, before: Past | None = None) -> Past:
    """Return the payment's past; `before` is that of the same payment without its last transition, if at hand."""
    if before is None:
        return Past(_head(payment.head), b"".join([_transition(transition) for transition in payment.transitions]))
    return Past(before.head, before.transitions + _transition(payment.last))


def payment_bytes(payment: Payment, past: Past) -> bytes:
    """Return the Avro body of the payment's event; `past` is the payment's own."""
    return b"".join(
        (
            past.head,
            _WORDS[payment.status],
            long_of(payment.attempt),
            _failure(payment.failure),
            long_of(payment.refunded_minor),
            long_of(len(payment.transitions)),
            past.transitions,
            b"\0",
        )
    )


def step_bytes(sequence: int, event_type: EventType, previous_status: Status | None, new_status: Status) -> bytes:
    """Return the bytes that a transition's begin with: its number, and which step it is."""
    return long_of(sequence) + _WORDS[event_type] + _OPTIONAL_STATUS[previous_status] + _WORDS[new_status]


def _head(head: Head) -> bytes:
    return b"".join(
        (
            text_of(head.payment_id),
            text_of(head.tenant_id),
            text_of(head.idempotency_key),
            bytes_of(head.fingerprint),
            long_of(head.fingerprint_version),
            optional_of(head.lease_id),
            text_of(head.payer_account_id),
            text_of(head.payee_account_id),
            long_of(head.amount_minor),
            text_of(head.currency),
            _WORDS[head.payment_rail_type],
            optional_of(head.description),
            text_of(head.metadata_json),
            optional_of(head.effective_date),
            optional_of(head.refund_of),
            long_of(head.initiated_at_us),
            long_of(head.due_at_us),
            long_of(head.expected_settlement_at_us),
        )
    )


def _failure(failure: Failure | None) -> bytes:
    if failure is None:
        return b"\0"
    return b"\2" + text_of(failure.code) + text_of(failure.reason) + text_of(failure.source)


def _transition(transition: Transition) -> bytes:
    return b"".join(
        (
            long_of(transition.sequence),
            _WORDS[transition.event_type],
            _OPTIONAL_STATUS[transition.previous_status],
            _WORDS[transition.new_status],
            long_of(transition.occurred_at_us),
            text_of(transition.caused_by),
            _map(transition),
            bytes_of(transition.hash),
        )
    )


def _map(transition: Transition) -> bytes:
    changes = transition.changes
    if not changes:
        return b"\0"
    pairs = [text_of(name) + text_of(value) for name, value in changes.items()]
    return long_of(len(changes)) + b"".join(pairs) + b"\0"
