"""What reconciliation knows of a payment: which money moved, by our books, on which day."""

from __future__ import annotations

from msgspec import Struct

from payments.payment import EventType, Payment, Status
from payments.windows import eastern
from schemas.reconciliation import FoundTransition


class KnownPayment(Struct, frozen=True, kw_only=True):
    """A payment's terms, and the days (YYYY-MM-DD, Eastern, as banks count) on which it was claimed, settled, ended.

    `ended_day` is when it came back after it was settled, or failed after it was claimed. `bank_reference` is the
    bank's own name of it, where a report told one: its trace number, when it went by file.
    """

    payment_id: str
    tenant_id: str
    idempotency_key: str
    rail: str
    amount_minor: int
    currency: str
    status: Status
    attempt: int
    payer_account_id: str
    payee_account_id: str
    claimed_day: str | None
    settled_day: str | None
    ended_day: str | None
    bank_reference: str | None
    history: tuple[FoundTransition, ...]


def known_payment(payment: Payment) -> KnownPayment:
    """Return what is known of a payment."""
    claimed_us = settled_us = ended_us = None
    bank_reference = None
    for step in payment.transitions:
        bank_reference = step.changes.get("bank_reference", bank_reference)
        match step.event_type:
            case EventType.PROCESSING:
                claimed_us = step.occurred_at_us
            case EventType.COMPLETED:
                settled_us = step.occurred_at_us
            case EventType.RETURNED:
                ended_us = step.occurred_at_us
            case EventType.FAILED if step.previous_status is Status.PROCESSING:
                ended_us = step.occurred_at_us
            case _:
                continue
    head = payment.head
    return KnownPayment(
        payment_id=payment.payment_id,
        tenant_id=head.tenant_id,
        idempotency_key=head.idempotency_key,
        rail=head.payment_rail_type,
        amount_minor=head.amount_minor,
        currency=head.currency,
        status=payment.status,
        attempt=payment.attempt,
        payer_account_id=head.payer_account_id,
        payee_account_id=head.payee_account_id,
        claimed_day=_day(claimed_us),
        settled_day=_day(settled_us),
        ended_day=_day(ended_us),
        bank_reference=bank_reference,
        history=tuple(
            FoundTransition(event_type=step.event_type.value, occurred_at_us=step.occurred_at_us)
            for step in payment.transitions
        ),
    )


def _day(at_us: int | None) -> str | None:
    return None if at_us is None else eastern(at_us).date().isoformat()
