"""A payment's refunds, read from its history: what is reserved, what was given back, and so what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from payments.commands import CancelPayment
from payments.idempotency import SYSTEM_KEY_PREFIX, refund_idempotency_key
from payments.money import format_amount, parse_amount
from payments.payment import EventType, Payment
from payments.refund_orders import InitiateRefund, RefundOutcome, RefundPayment, RefundReport

# Each leaves two transitions, at worst three, in the payment's record, which has a bound.
REFUNDS_MAX = 100

# In the changes of a refund's first transition: where to tell what becomes of it. Its id alone does not say the
# partition.
REFUND_OF_KEY = "refund_of_key"


class RefundState(StrEnum):
    """What a refund means for the payment that it gives back."""

    RESERVED = "reserved"  # On its way: the amount can be given to no other.
    PAID = "paid"
    FREE = "free"  # Never paid, or paid and sent back: the amount can be refunded again.


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One refund as the payment's own history tells of it; `fingerprint` is in hexadecimal digits."""

    refund_id: str
    refund_key: str
    fingerprint: str
    amount_minor: int
    state: RefundState


_STATES = {
    EventType.REFUNDED: RefundState.PAID,
    EventType.REFUND_FAILED: RefundState.FREE,
    EventType.REFUND_RETURNED: RefundState.FREE,
}
_OUTCOMES = {
    EventType.COMPLETED: RefundOutcome.COMPLETED,
    EventType.FAILED: RefundOutcome.FAILED,
    EventType.CANCELLED: RefundOutcome.CANCELLED,
    EventType.RETURNED: RefundOutcome.RETURNED,
}


def refunds_of(payment: Payment) -> dict[str, Refund]:
    """Return the payment's refunds by their ids, oldest first. Raises KeyError or InvalidAmount for what no decision
    of ours has written."""
    refunds: dict[str, Refund] = {}
    for step in payment.transitions:
        changes = step.changes
        if step.event_type is EventType.REFUND_INITIATED:
            refunds[changes["refund_id"]] = Refund(
                refund_id=changes["refund_id"],
                refund_key=changes["refund_key"],
                fingerprint=changes["refund_fingerprint"],
                amount_minor=parse_amount(changes["refund_amount"]),
                state=RefundState.RESERVED,
            )
        elif (state := _STATES.get(step.event_type)) is not None:
            refunds[changes["refund_id"]] = replace(refunds[changes["refund_id"]], state=state)
    return refunds


def paid_minor(refunds: Mapping[str, Refund]) -> int:
    """Return how many cents these refunds gave back."""
    return sum(refund.amount_minor for refund in refunds.values() if refund.state is RefundState.PAID)


def left_minor(payment: Payment, refunds: Mapping[str, Refund]) -> int:
    """Return how many cents of the payment are neither given back nor reserved."""
    taken = sum(refund.amount_minor for refund in refunds.values() if refund.state is not RefundState.FREE)
    return payment.head.amount_minor - taken


def initiation_changes(order: RefundPayment, amount_minor: int) -> dict[str, str]:
    """Return what the transition that reserves a refund's amount says: all that a repeated order is compared with."""
    return {
        "refund_id": order.refund_id,
        "refund_key": order.refund_key,
        "refund_fingerprint": order.fingerprint.hex(),
        "refund_amount": format_amount(amount_minor),
    }


def outcome_changes(report: RefundReport, refund: Refund) -> dict[str, str]:
    """Return what the transition that hears of a refund says."""
    return {
        "refund_id": refund.refund_id,
        "refund_amount": format_amount(refund.amount_minor),
        "refund_status": report.outcome.value,
    }


def refund_command(order: RefundPayment, original: Payment, amount_minor: int) -> InitiateRefund:
    """Return the command of the refund that the original's newest transition has reserved: the same lease and rail,
    payer and payee exchanged, asked for when it was reserved."""
    head = original.head
    return InitiateRefund(
        command_id=order.command_id,
        tenant_id=head.tenant_id,
        idempotency_key=order.refund_idempotency_key,
        refund_of_key=head.idempotency_key,
        fingerprint=order.fingerprint,
        lease_id=head.lease_id,
        payer_account_id=head.payee_account_id,
        payee_account_id=head.payer_account_id,
        amount_minor=amount_minor,
        currency=head.currency,
        payment_rail_type=head.payment_rail_type.value,
        description=order.description,
        metadata_json=order.metadata_json,
        requested_at_us=original.updated_at_us,
    )


def told_by(payment: Payment) -> tuple[RefundReport | CancelPayment, ...]:
    """Return what a payment's newest transition tells others: a refund its original, a returned payment its refunds."""
    if payment.head.refund_of is not None:
        return tuple(_reports(payment))
    if payment.last.event_type is EventType.RETURNED:
        return tuple(_cancels(payment))
    return ()


def _reports(refund: Payment) -> Iterator[RefundReport]:
    key, outcome = refund.transitions[0].changes.get(REFUND_OF_KEY), _OUTCOMES.get(refund.last.event_type)
    if key is None or outcome is None:
        return
    yield RefundReport(
        tenant_id=refund.head.tenant_id,
        idempotency_key=key,
        refund_id=refund.payment_id,
        sequence=refund.last.sequence,
        outcome=outcome,
        occurred_at_us=refund.updated_at_us,
    )


def _cancels(original: Payment) -> Iterator[CancelPayment]:
    """Yield a cancel for each refund on its way: its bank took the money back already, and it would be paid twice.

    One that a rail has claimed goes on all the same.
    """
    for refund in refunds_of(original).values():
        if refund.state is RefundState.RESERVED:
            yield CancelPayment(
                tenant_id=original.head.tenant_id,
                idempotency_key=refund_idempotency_key(original.payment_id, refund.refund_key),
                cancel_key=f"{SYSTEM_KEY_PREFIX}returned:{original.last.caused_by}",
                requested_at_us=original.updated_at_us,
            )
