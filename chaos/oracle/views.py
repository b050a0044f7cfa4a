"""What analysts see, compared with the log: row for row, nothing missing, nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from chaos.oracle.history import Log
from chaos.oracle.violation import Kind, Violation
from payments.payment import Payment, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeen:
    """A row of analytics.payments; amounts in cents, times in microseconds."""

    payment_id: str
    tenant_id: str
    idempotency_key: str
    payer_account_id: str
    payee_account_id: str
    amount_minor: int
    currency: str
    payment_rail_type: str
    status: str
    failure_code: str | None
    initiated_at_us: int
    updated_at_us: int
    completed_at_us: int | None
    refunded_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """A row of analytics.payment_events."""

    payment_id: str
    sequence: int
    event_type: str
    previous_status: str | None
    new_status: str
    occurred_at_us: int
    hash: bytes


def payments_equal(rows: Iterable[PaymentSeen], log: Log) -> Iterator[Violation]:
    """analytics.payments is the log's newest records: one row a payment."""
    seen: set[str] = set()
    for row in rows:
        payment = log.get(row.payment_id)
        if payment is None:
            yield _differs(row.payment_id, "payments has a row that is not in the log")
        elif row.payment_id in seen:
            yield _differs(row.payment_id, "payments has two rows")
        elif (expected := _payment_row(payment)) != row:
            yield _differs(row.payment_id, f"payments has {_difference(row, expected)}")
        seen.add(row.payment_id)
    yield from _missing(seen, log, "payments")


def events_equal(rows: Iterable[EventSeen], log: Log) -> Iterator[Violation]:
    """analytics.payment_events is every transition of the log; `rows` are ordered by payment and sequence."""
    seen: set[str] = set()
    for payment_id, group in groupby(rows, key=attrgetter("payment_id")):
        seen.add(payment_id)
        found = list(group)
        payment = log.get(payment_id)
        if payment is None:
            yield _differs(payment_id, "payment_events has rows that are not in the log")
        elif (expected := [_event_row(payment_id, step) for step in payment.transitions]) != found:
            sequences = [row.sequence for row in found]
            detail = f"payment_events has sequences {sequences}, the log {[row.sequence for row in expected]}"
            yield _differs(payment_id, detail)
    yield from _missing(seen, log, "payment_events")


def _missing(seen: set[str], log: Log, view: str) -> Iterator[Violation]:
    for payment_id in log.ids():
        if payment_id not in seen:
            yield _differs(payment_id, f"{view} has no row of it")


def _payment_row(payment: Payment) -> PaymentSeen:
    head = payment.head
    return PaymentSeen(
        payment_id=payment.payment_id,
        tenant_id=head.tenant_id,
        idempotency_key=head.idempotency_key,
        payer_account_id=head.payer_account_id,
        payee_account_id=head.payee_account_id,
        amount_minor=head.amount_minor,
        currency=head.currency,
        payment_rail_type=head.payment_rail_type.value,
        status=payment.status.value,
        failure_code=None if payment.failure is None else payment.failure.code,
        initiated_at_us=head.initiated_at_us,
        updated_at_us=payment.updated_at_us,
        completed_at_us=payment.completed_at_us,
        refunded_minor=payment.refunded_minor,
    )


def _event_row(payment_id: str, step: Transition) -> EventSeen:
    return EventSeen(
        payment_id=payment_id,
        sequence=step.sequence,
        event_type=step.event_type.value,
        previous_status=None if step.previous_status is None else step.previous_status.value,
        new_status=step.new_status.value,
        occurred_at_us=step.occurred_at_us,
        hash=step.hash,
    )


def _difference(row: PaymentSeen, expected: PaymentSeen) -> str:
    names = [name for name in PaymentSeen.__slots__ if getattr(row, name) != getattr(expected, name)]
    return ", ".join(f"{name} {getattr(row, name)!r} for {getattr(expected, name)!r}" for name in names)


def _differs(payment_id: str, detail: str) -> Violation:
    return Violation(kind=Kind.VIEW_DIFFERS, payment_id=payment_id, detail=detail)
