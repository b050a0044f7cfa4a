"""Refunds: never more than was paid, each made once, and nothing reserved that is not on its way.

Told by the refunds themselves, which are payments, and by the bank's books: what a payment's history says of its
refunds is compared with both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from chaos.oracle.bank import Transfer
from chaos.oracle.history import Log
from chaos.oracle.violation import Kind, Violation
from payments.money import parse_amount
from payments.payment import EventType, Payment, Status

_ABOUT_REFUNDS = frozenset(
    {EventType.REFUND_INITIATED, EventType.REFUNDED, EventType.REFUND_FAILED, EventType.REFUND_RETURNED}
)
# What the newest that a payment's history says of a refund has to be, by where the refund stands at the end.
_MEANS = {
    Status.COMPLETED: EventType.REFUNDED,
    Status.FAILED: EventType.REFUND_FAILED,
    Status.CANCELLED: EventType.REFUND_FAILED,
    Status.RETURNED: EventType.REFUND_RETURNED,
}


class Refunds:
    """Every refund of the log by the payment that it gives back, and what the bank has moved of each."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._by_original: dict[str, list[str]] = defaultdict(list)
        self._settled_minor: dict[str, int] = {}
        for payment in log.payments():
            if payment.head.refund_of is not None:
                self._by_original[payment.head.refund_of].append(payment.payment_id)
                self._settled_minor[payment.payment_id] = 0
            elif any(step.event_type in _ABOUT_REFUNDS for step in payment.transitions):
                self._by_original.setdefault(payment.payment_id, [])

    @property
    def count(self) -> int:
        return len(self._settled_minor)

    def watch(self, transfers: Iterable[Transfer]) -> Iterator[Transfer]:
        """Yield the transfers unchanged, having added what each has moved of a refund."""
        for transfer in transfers:
            if transfer.state == "settled" and transfer.payment_id in self._settled_minor:
                self._settled_minor[transfer.payment_id] += transfer.amount_minor
            yield transfer

    def fit(self) -> Iterator[Violation]:
        """Yield what is wrong with the refunds; once all transfers have been watched."""
        for original_id, refund_ids in self._by_original.items():
            original = self._log.get(original_id)
            if original is None:
                detail = f"refunds {refund_ids} are of a payment that is not in the log"
                yield _violation(Kind.REFUND_DIFFERS, original_id, detail)
                continue
            yield from _never_too_much(original)
            refunds = [refund for refund_id in refund_ids if (refund := self._log.get(refund_id)) is not None]
            yield from _as_told(original, refunds)
            yield from self._paid_at_most_once(original, refunds)

    def _paid_at_most_once(self, original: Payment, refunds: list[Payment]) -> Iterator[Violation]:
        amount_minor = original.head.amount_minor
        for where, minor in (
            ("are completed", sum(r.head.amount_minor for r in refunds if r.status is Status.COMPLETED)),
            ("have settled at the bank", sum(self._settled_minor[refund.payment_id] for refund in refunds)),
        ):
            if minor > amount_minor:
                detail = f"refunds of {minor} cents {where}, of a payment of {amount_minor}"
                yield _violation(Kind.OVER_REFUNDED, original.payment_id, detail, cents=minor - amount_minor)


def _never_too_much(original: Payment) -> Iterator[Violation]:
    """At no moment is more refunded or reserved than was paid."""
    taken: dict[str, int] = {}
    for step in original.transitions:
        if step.event_type not in _ABOUT_REFUNDS:
            continue
        refund_id = step.changes["refund_id"]
        is_free = step.event_type in (EventType.REFUND_FAILED, EventType.REFUND_RETURNED)
        taken[refund_id] = 0 if is_free else parse_amount(step.changes["refund_amount"])
        over_minor = sum(taken.values()) - original.head.amount_minor
        if over_minor > 0:
            detail = f"{over_minor} cents too much are refunded or reserved from transition {step.sequence} on"
            yield _violation(Kind.OVER_REFUNDED, original.payment_id, detail, cents=over_minor)
            return


def _as_told(original: Payment, refunds: list[Payment]) -> Iterator[Violation]:
    """The payment knows exactly these refunds, with their amounts, and of each what became of it."""
    newest = {step.changes["refund_id"]: step for step in original.transitions if step.event_type in _ABOUT_REFUNDS}
    for refund in refunds:
        step = newest.pop(refund.payment_id, None)
        if step is None or parse_amount(step.changes["refund_amount"]) != refund.head.amount_minor:
            detail = f"its refund {refund.payment_id} of {refund.head.amount_minor} cents is not one that it reserved"
            yield _violation(Kind.REFUND_DIFFERS, original.payment_id, detail)
        elif (refund.head.payer_account_id, refund.head.payee_account_id) != (
            original.head.payee_account_id,
            original.head.payer_account_id,
        ):
            yield _violation(
                Kind.REFUND_DIFFERS, refund.payment_id, "it does not go back to where the payment came from"
            )
        elif step.event_type is EventType.REFUND_INITIATED and refund.status in _MEANS:
            detail = f"its refund {refund.payment_id} is {refund.status}, and the amount is still reserved"
            yield _violation(Kind.RESERVED_LEFT, original.payment_id, detail)
        elif refund.status in _MEANS and _MEANS[refund.status] is not step.event_type:
            detail = f"its refund {refund.payment_id} is {refund.status}, and it says {step.event_type}"
            yield _violation(Kind.REFUND_DIFFERS, original.payment_id, detail)
    for refund_id in newest:
        detail = f"it reserved for a refund {refund_id}, which was never made"
        yield _violation(Kind.RESERVED_LEFT, original.payment_id, detail)
    completed_minor = sum(r.head.amount_minor for r in refunds if r.status is Status.COMPLETED)
    if original.refunded_minor != completed_minor:
        detail = f"{original.refunded_minor} cents refunded, and its completed refunds are of {completed_minor}"
        yield _violation(Kind.REFUND_DIFFERS, original.payment_id, detail)


def _violation(kind: Kind, payment_id: str, detail: str, *, cents: int = 0) -> Violation:
    return Violation(kind=kind, payment_id=payment_id, detail=detail, cents=cents)
