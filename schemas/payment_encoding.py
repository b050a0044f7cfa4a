"""PaymentEvent's and RailReport's Avro bytes, written directly: what is written most often must not go through a record
of dictionaries.

The bytes are fastavro's for the newest schemas (a test holds them equal); a change of a schema changes this file.
"""

from __future__ import annotations

import msgspec

from payments.commands import RailReport, Report, ReportSource
from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import Rail

# An Avro long is zigzag, 7 bits a byte, the lowest first; a byte that is not the last has its highest bit set.
# Two bytes are looked up at a time: times would take eight steps otherwise, in every head and transition.
_TWO_BYTES = 1 << 14


def _varint(zigzag: int) -> bytes:
    data = bytearray()
    while zigzag > 0x7F:
        data.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    data.append(zigzag)
    return bytes(data)


_LAST = [_varint(zigzag) for zigzag in range(_TWO_BYTES)]
_NOT_LAST = [bytes((zigzag & 0x7F | 0x80, zigzag >> 7 | 0x80)) for zigzag in range(_TWO_BYTES)]


def _long(number: int) -> bytes:
    left = number << 1 ^ number >> 63
    if left < _TWO_BYTES:
        return _LAST[left]
    data = b""
    while left >= _TWO_BYTES:
        data += _NOT_LAST[left & _TWO_BYTES - 1]
        left >>= 14
    return data + _LAST[left]


def _bytes(data: bytes) -> bytes:
    size = len(data)
    return (_LAST[size << 1] if size < 8192 else _long(size)) + data


def _text(text: str) -> bytes:
    # Written out: it is called a dozen times for every payment.
    data = text.encode()
    size = len(data)
    return (_LAST[size << 1] if size < 8192 else _long(size)) + data


def _optional(text: str | None) -> bytes:
    return b"\0" if text is None else b"\2" + _text(text)


_WORDS = {word.value: _text(word.value) for words in (Status, EventType, Rail) for word in words}
_OPTIONAL_STATUS: dict[Status | None, bytes] = {None: b"\0", **{status: b"\2" + _text(status) for status in Status}}


class Past(msgspec.Struct, frozen=True, array_like=True):
    """The Avro bytes of what no later event of a payment changes: its head, and its transitions so far, end to end."""

    head: bytes
    transitions: bytes


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
            _long(payment.attempt),
            _failure(payment.failure),
            _long(payment.refunded_minor),
            _long(len(payment.transitions)),
            past.transitions,
            b"\0",
        )
    )


def _head(head: Head) -> bytes:
    return b"".join(
        (
            _text(head.payment_id),
            _text(head.tenant_id),
            _text(head.idempotency_key),
            _bytes(head.fingerprint),
            _long(head.fingerprint_version),
            _optional(head.lease_id),
            _text(head.payer_account_id),
            _text(head.payee_account_id),
            _long(head.amount_minor),
            _text(head.currency),
            _WORDS[head.payment_rail_type],
            _optional(head.description),
            _text(head.metadata_json),
            _optional(head.effective_date),
            _optional(head.refund_of),
            _long(head.initiated_at_us),
            _long(head.due_at_us),
            _long(head.expected_settlement_at_us),
        )
    )


def _failure(failure: Failure | None) -> bytes:
    if failure is None:
        return b"\0"
    return b"\2" + _text(failure.code) + _text(failure.reason) + _text(failure.source)


def _transition(transition: Transition) -> bytes:
    return b"".join(
        (
            _long(transition.sequence),
            _WORDS[transition.event_type],
            _OPTIONAL_STATUS[transition.previous_status],
            _WORDS[transition.new_status],
            _long(transition.occurred_at_us),
            _text(transition.caused_by),
            _map(transition),
            _bytes(transition.hash),
        )
    )


def _map(transition: Transition) -> bytes:
    changes = transition.changes
    if not changes:
        return b"\0"
    pairs = [_text(name) + _text(value) for name, value in changes.items()]
    return _long(len(changes)) + b"".join(pairs) + b"\0"


_REPORT_WORDS = {word.value: _text(word.value) for words in (Report, ReportSource) for word in words}


def report_bytes(report: RailReport) -> bytes:
    """Return the Avro body of a report."""
    return b"".join(
        (
            _text(report.tenant_id),
            _text(report.idempotency_key),
            _long(report.attempt),
            _REPORT_WORDS[report.report],
            _long(report.occurred_at_us),
            b"\0" if report.amount_minor is None else b"\2" + _long(report.amount_minor),
            _optional(report.code),
            _optional(report.reason),
            _REPORT_WORDS[report.source],
            _optional(report.bank_reference),
        )
    )
