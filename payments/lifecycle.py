"""The lifecycle: which move a payment may make, and what each order decides; what the table lacks is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import assert_never

from payments.commands import (
    FAILURES,
    CancelPayment,
    InitiatePayment,
    InitiateRefund,
    Order,
    RailReport,
    RefundOutcome,
    RefundPayment,
    RefundReport,
    Report,
)
from payments.decision import Decision, Moved, Refused, Unchanged
from payments.fields import fault
from payments.idempotency import FINGERPRINT_VERSION
from payments.money import format_amount
from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import ACH_RAILS, RAILS, claim_due_us, expected_settlement_us
from payments.refunds import (
    REFUND_OF_KEY,
    REFUNDS_MAX,
    RefundState,
    initiation_changes,
    left_minor,
    outcome_changes,
    paid_minor,
    refund_command,
    refunds_of,
    told_by,
)
from payments.refusals import (
    IllegalMove,
    InvalidCommand,
    KeyReusedWithOtherBody,
    PaymentUnknown,
    RefundOfRefund,
    RefundTooLarge,
    RefundUnknown,
    TooManyRefunds,
)
from payments.windows import BankHours

CANCEL = "cancelled"
EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_US = 86_400_000_000
BANK_HOURS = BankHours()


class Refunding(StrEnum):
    """What may be asked of a payment because of its refunds."""

    ASKED = "refunded"
    PAID_IN_PART = "refunded in part"
    PAID_IN_FULL = "refunded in full"
    UNPAID = "freed of a refund"  # It failed or was cancelled.
    SENT_BACK = "given a refund back"  # It was paid, and its bank returned it.


MOVES: dict[tuple[Status, Report | Refunding | str], tuple[Status, EventType]] = {
    (Status.PENDING, CANCEL): (Status.CANCELLED, EventType.CANCELLED),
    (Status.PENDING, Report.CLAIMED): (Status.PROCESSING, EventType.PROCESSING),
    (Status.PENDING, Report.REJECTED): (Status.FAILED, EventType.FAILED),
    (Status.PROCESSING, Report.SETTLED): (Status.COMPLETED, EventType.COMPLETED),
    (Status.PROCESSING, Report.REJECTED): (Status.FAILED, EventType.FAILED),
    # A return before completion is a failure with the rail's code; after it, money that had arrived goes back.
    (Status.PROCESSING, Report.RETURNED): (Status.FAILED, EventType.FAILED),
    (Status.COMPLETED, Report.RETURNED): (Status.RETURNED, EventType.RETURNED),
    # What was refunded does not stop the bank from sending the payment itself back: then it went back twice.
    (Status.REFUNDED, Report.RETURNED): (Status.RETURNED, EventType.RETURNED),
    # The bank moved money that we had given up: it is booked to suspense, never away, and the payment stays what it is.
    # Not so before the claim: nothing was handed to a bank, and hearing it then would silence the true report later.
    (Status.CANCELLED, Report.SETTLED): (Status.CANCELLED, EventType.SUSPENSE_RECORDED),
    (Status.FAILED, Report.SETTLED): (Status.FAILED, EventType.SUSPENSE_RECORDED),
    # Likewise money that arrives a second time; the same attempt reported twice has the same id and is not heard again.
    (Status.COMPLETED, Report.SETTLED): (Status.COMPLETED, EventType.SUSPENSE_RECORDED),
    (Status.RETURNED, Report.SETTLED): (Status.RETURNED, EventType.SUSPENSE_RECORDED),
    (Status.REFUNDED, Report.SETTLED): (Status.REFUNDED, EventType.SUSPENSE_RECORDED),
    (Status.COMPLETED, Refunding.ASKED): (Status.COMPLETED, EventType.REFUND_INITIATED),
    (Status.COMPLETED, Refunding.PAID_IN_PART): (Status.COMPLETED, EventType.REFUNDED),
    (Status.COMPLETED, Refunding.PAID_IN_FULL): (Status.REFUNDED, EventType.REFUNDED),
    (Status.COMPLETED, Refunding.UNPAID): (Status.COMPLETED, EventType.REFUND_FAILED),
    (Status.COMPLETED, Refunding.SENT_BACK): (Status.COMPLETED, EventType.REFUND_RETURNED),
    (Status.REFUNDED, Refunding.SENT_BACK): (Status.COMPLETED, EventType.REFUND_RETURNED),
    # A return does not call back a refund that a rail has claimed. What becomes of it is heard, and the status stays.
    (Status.RETURNED, Refunding.PAID_IN_PART): (Status.RETURNED, EventType.REFUNDED),
    (Status.RETURNED, Refunding.PAID_IN_FULL): (Status.RETURNED, EventType.REFUNDED),
    (Status.RETURNED, Refunding.UNPAID): (Status.RETURNED, EventType.REFUND_FAILED),
    (Status.RETURNED, Refunding.SENT_BACK): (Status.RETURNED, EventType.REFUND_RETURNED),
}


def decide(
    order: Order, payment: Payment | None, *, rail_speed: float = 1.0, ach_lead_us: int | None = None
) -> Decision:
    """Return what `order` does to the payment of its key; the same facts always give the same bytes.

    `rail_speed` divides the rails' delays. `ach_lead_us`: ACH goes by files, each cut off so long before its window
    closes; None: it settles by a delay as well.
    """
    assert payment is None or _are_of_one_key(payment.head, order), "an order meets only its own payment"
    match order:
        case InitiatePayment() | InitiateRefund():
            return _initiate(order, payment, rail_speed, ach_lead_us)
        case CancelPayment():
            return _move(order, payment, CANCEL, order.requested_at_us, {"cancel_key": order.cancel_key})
        case RailReport():
            return _hear(order, payment)
        case RefundPayment():
            return _refund(order, payment)
        case RefundReport():
            return _hear_refund(order, payment)
        case _:
            assert_never(order)


def _are_of_one_key(head: Head, order: Order) -> bool:
    return head.idempotency_key == order.idempotency_key and head.tenant_id == order.tenant_id


def _initiate(
    order: InitiatePayment | InitiateRefund, payment: Payment | None, rail_speed: float, ach_lead_us: int | None
) -> Decision:
    if isinstance(order, InitiatePayment) and order.refund_of is not None:
        # Its original has reserved nothing, and would hear nothing of it.
        return Refused(refusal=InvalidCommand(fault("refund_of", "is the system's own; send a RefundPayment")))
    if payment is not None:
        if payment.head.fingerprint == order.fingerprint_by(payment.head.fingerprint_version):
            return Unchanged(payment=payment)
        return Refused(refusal=KeyReusedWithOtherBody(payment.payment_id))
    rail = RAILS[order.payment_rail_type]
    due_at_us = max(claim_due_us(rail, order.requested_at_us, rail_speed), _start_of_day_us(order.effective_date))
    if ach_lead_us is None or rail not in ACH_RAILS:
        expected_at_us = expected_settlement_us(rail, due_at_us, rail_speed)
    else:
        expected_at_us = BANK_HOURS.expected_settlement_at_us(
            rail, due_at_us + ach_lead_us, amount_minor=order.amount_minor
        )
    head = Head(
        tenant_id=order.tenant_id,
        idempotency_key=order.idempotency_key,
        fingerprint=order.fingerprint,
        fingerprint_version=FINGERPRINT_VERSION,
        lease_id=order.lease_id,
        payer_account_id=order.payer_account_id,
        payee_account_id=order.payee_account_id,
        amount_minor=order.amount_minor,
        currency=order.currency,
        payment_rail_type=rail,
        description=order.description,
        metadata_json=order.metadata_json,
        effective_date=order.effective_date,
        refund_of=order.refund_of,
        initiated_at_us=order.requested_at_us,
        due_at_us=due_at_us,
        expected_settlement_at_us=expected_at_us,
    )
    first = Transition.after(
        head.hash,
        sequence=1,
        event_type=EventType.INITIATED,
        previous_status=None,
        new_status=Status.PENDING,
        occurred_at_us=order.requested_at_us,
        caused_by=order.id,
        changes={REFUND_OF_KEY: order.refund_of_key} if isinstance(order, InitiateRefund) else {},
    )
    return Moved(
        payment=Payment(
            head=head, status=Status.PENDING, attempt=0, failure=None, refunded_minor=0, transitions=(first,)
        )
    )


def _hear(report: RailReport, payment: Payment | None) -> Decision:
    changes = {"attempt": str(report.attempt)}
    if report.bank_reference is not None:
        changes["bank_reference"] = report.bank_reference
    if payment is not None and report.amount_minor not in (None, payment.head.amount_minor):
        # The bank moved another amount than it was told: history says so, and reconciliation finds it there.
        changes["reported_amount"] = format_amount(report.amount_minor)
    failure = None
    if report.report in FAILURES:
        assert report.code is not None
        failure = Failure(code=report.code, reason=report.reason or "", source=report.source.value)
        changes |= {"failure_code": failure.code, "failure_reason": failure.reason, "failure_source": failure.source}
    return _move(report, payment, report.report, report.occurred_at_us, changes, failure)


def _refund(order: RefundPayment, payment: Payment | None) -> Decision:
    if payment is None:
        return Refused(refusal=PaymentUnknown(order.payment_id))
    if payment.head.refund_of is not None:
        return Refused(refusal=RefundOfRefund(payment.payment_id))
    refunds = refunds_of(payment)
    known = refunds.get(order.refund_id)
    if known is not None:
        if known.fingerprint == order.fingerprint.hex():
            return Unchanged(payment=payment)
        return Refused(refusal=KeyReusedWithOtherBody(known.refund_id))
    # The state is judged before the amount: of what is not completed nothing is left or not left.
    left = left_minor(payment, refunds)
    amount_minor = left if order.amount_minor is None else order.amount_minor
    decision = _move(order, payment, Refunding.ASKED, order.requested_at_us, initiation_changes(order, amount_minor))
    if not isinstance(decision, Moved):
        return decision
    if len(refunds) >= REFUNDS_MAX:
        return Refused(refusal=TooManyRefunds(payment_id=payment.payment_id, refunds_max=REFUNDS_MAX))
    if not 0 < amount_minor <= left:
        return Refused(refusal=RefundTooLarge(payment_id=payment.payment_id, left=format_amount(left)))
    return Moved(payment=decision.payment, orders=(refund_command(order, decision.payment, amount_minor),))


def _hear_refund(report: RefundReport, payment: Payment | None) -> Decision:
    if payment is None:
        return Refused(refusal=PaymentUnknown(report.payment_id))
    refunds = refunds_of(payment)
    refund = refunds.get(report.refund_id)
    if refund is None:
        return Refused(refusal=RefundUnknown(report.refund_id))
    refunded_minor = paid_minor(refunds)
    match refund.state, report.outcome:
        case RefundState.RESERVED, RefundOutcome.COMPLETED:
            refunded_minor += refund.amount_minor
            is_all = refunded_minor == payment.head.amount_minor
            asked = Refunding.PAID_IN_FULL if is_all else Refunding.PAID_IN_PART
        case RefundState.RESERVED, RefundOutcome.FAILED | RefundOutcome.CANCELLED | RefundOutcome.RETURNED:
            asked = Refunding.UNPAID
        case RefundState.PAID, RefundOutcome.RETURNED:
            refunded_minor -= refund.amount_minor
            asked = Refunding.SENT_BACK
        case _:
            if payment.has_heard(report.id):
                return Unchanged(payment=payment)
            said = f"told that its refund is {report.outcome.value}, when that is {refund.state.value}"
            return Refused(refusal=IllegalMove(payment_id=payment.payment_id, status=payment.status.value, asked=said))
    changes = outcome_changes(report, refund)
    return _move(report, payment, asked, report.occurred_at_us, changes, refunded_minor=refunded_minor)


def _move(
    order: CancelPayment | RailReport | RefundPayment | RefundReport,
    payment: Payment | None,
    asked: Report | Refunding | str,
    at_us: int,
    changes: Mapping[str, str],
    failure: Failure | None = None,
    *,
    refunded_minor: int | None = None,
) -> Decision:
    if payment is None:
        return Refused(refusal=PaymentUnknown(order.payment_id))
    # A caller chooses command_id: it must not be the id of a report that is still to come.
    order_id = order.refund_id if isinstance(order, RefundPayment) else order.id
    if payment.has_heard(order_id):
        return Unchanged(payment=payment)
    move = MOVES.get((payment.status, asked))
    if move is None:
        return Refused(
            refusal=IllegalMove(payment_id=payment.payment_id, status=payment.status.value, asked=str(asked))
        )
    status, event_type = move
    last = payment.last
    transition = Transition.after(
        last.hash,
        sequence=last.sequence + 1,
        event_type=event_type,
        previous_status=payment.status,
        new_status=status,
        # Clocks of different machines disagree; a history's times always increase.
        occurred_at_us=max(at_us, last.occurred_at_us + 1),
        caused_by=order_id,
        changes=changes,
    )
    moved = Payment(
        head=payment.head,
        status=status,
        attempt=order.attempt if isinstance(order, RailReport) else payment.attempt,
        failure=failure or payment.failure,
        refunded_minor=payment.refunded_minor if refunded_minor is None else refunded_minor,
        transitions=(*payment.transitions, transition),
    )
    return Moved(payment=moved, orders=told_by(moved))


def _start_of_day_us(effective_date: str | None) -> int:
    if effective_date is None:
        return 0
    return (date.fromisoformat(effective_date).toordinal() - EPOCH_DAY) * DAY_US
