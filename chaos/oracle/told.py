"""What clients were told, compared with what is in the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from chaos.answers import Answer, Ask, Channel, Said, Terms
from chaos.oracle.history import Log
from chaos.oracle.violation import Kind, Violation
from payments.idempotency import refund_fingerprint
from payments.payment import Payment, Status
from payments.refusals import IllegalMove, PaymentUnknown, RefundTooLarge, TooManyRefunds

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.RETURNED, Status.REFUNDED})
CREATED = 201
CONFLICT = "idempotency-key-reused"
# A cancel that came before its payment: refused, and no reason to look for a fault.
_UNKNOWN_PAYMENT = 404
# What a refund may rightly be told: too early, too late, too much, too many, or before its payment is known.
_REFUND_REFUSALS = frozenset(
    {CONFLICT, IllegalMove.code, RefundTooLarge.code, TooManyRefunds.code, PaymentUnknown.code, "not-found"}
)
PRODUCERS = frozenset({Channel.MURMUR2, Channel.CRC32})


class Told:
    """All answers, by payment and by what was asked."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.payments: dict[str, list[Answer]] = defaultdict(list)
        self.cancels: dict[str, list[Answer]] = defaultdict(list)
        self.refunds: dict[str, list[Answer]] = defaultdict(list)
        kept = {Ask.PAY: self.payments, Ask.CANCEL: self.cancels, Ask.REFUND: self.refunds}
        for answer in answers:
            kept[answer.ask][answer.payment_id].append(answer)

    @property
    def accepted(self) -> Iterator[str]:
        """Yield the ids of the payments of which some caller was told that they are accepted."""
        for payment_id, answers in self.payments.items():
            if any(answer.said is Said.ACCEPTED for answer in answers):
                yield payment_id

    def count(self, said: Said) -> int:
        kept = (self.payments, self.cancels, self.refunds)
        return sum(answer.said is said for each in kept for answers in each.values() for answer in answers)


def accepted_are_there(told: Told, log: Log) -> Iterator[Violation]:
    """Whatever was accepted is a payment in the log."""
    for payment_id in told.accepted:
        if payment_id not in log:
            first = next(answer for answer in told.payments[payment_id] if answer.said is Said.ACCEPTED)
            detail = f"accepted over {first.channel} (status {first.status}) at {first.at_us}, and not in the log"
            yield Violation(kind=Kind.LOST, payment_id=payment_id, detail=detail)


def all_were_asked_for(told: Told, log: Log) -> Iterator[Violation]:
    """No payment is in the log that nobody asked for."""
    for payment_id in log.ids():
        if payment_id not in told.payments and payment_id not in told.refunds:
            yield Violation(kind=Kind.PHANTOM, payment_id=payment_id, detail="nobody asked for it")


def terms_are_those_told(told: Told, log: Log) -> Iterator[Violation]:
    """Who was told that the payment is theirs (200, 201) finds their terms; every payment has the terms of somebody."""
    for payment_id, answers in told.payments.items():
        payment = log.get(payment_id)
        if payment is None:
            continue
        terms = _terms(payment)
        wrong = [a for a in answers if a.said is Said.ACCEPTED and a.status in (200, CREATED) and a.terms != terms]
        if wrong:
            detail = f"{wrong[0].status} was answered to {wrong[0].terms}, and the payment is {terms}"
            yield Violation(kind=Kind.OTHER_TERMS, payment_id=payment_id, detail=detail)
        elif all(answer.terms != terms for answer in answers):
            yield Violation(kind=Kind.OTHER_TERMS, payment_id=payment_id, detail=f"nobody asked for {terms}")


def created_once(told: Told, _log: Log) -> Iterator[Violation]:
    """At most one request was told that it created the payment."""
    for payment_id, answers in told.payments.items():
        count = sum(answer.status == CREATED for answer in answers)
        if count > 1:
            yield Violation(kind=Kind.CREATED_TWICE, payment_id=payment_id, detail=f"{count} answers were 201")


def refusals_hold(told: Told, log: Log) -> Iterator[Violation]:
    """A sound request is refused only because its key has a payment with other terms, and that payment is there."""
    for payment_id, answers in told.payments.items():
        for answer in answers:
            if answer.said is not Said.REFUSED:
                continue
            payment = log.get(payment_id)
            if answer.code != CONFLICT:
                detail = f"{answer.status} {answer.code} was answered to a sound request"
                yield Violation(kind=Kind.REFUSED_WRONGLY, payment_id=payment_id, detail=detail)
            elif payment is None:
                detail = "its key was refused as used, and no payment has it"
                yield Violation(kind=Kind.REFUSED_WRONGLY, payment_id=payment_id, detail=detail)
            elif _terms(payment) == answer.terms:
                detail = "refused as another body, and the payment has its terms"
                yield Violation(kind=Kind.REFUSAL_BROKEN, payment_id=payment_id, detail=detail)


def cancels_went_as_told(told: Told, log: Log) -> Iterator[Violation]:
    """A cancel that was answered 200 has cancelled its payment; one that was refused has not."""
    for payment_id, answers in told.cancels.items():
        payment = log.get(payment_id)
        for answer in answers:
            if answer.channel in PRODUCERS or answer.said is Said.UNKNOWN or answer.status == _UNKNOWN_PAYMENT:
                continue
            heard = payment is not None and answer.command_id is not None and payment.has_heard(answer.command_id)
            if answer.status == 200 and not (heard and payment is not None and payment.status is Status.CANCELLED):
                status = None if payment is None else payment.status
                detail = f"the cancel was answered 200 at {answer.at_us}, and the payment is {status}"
                yield Violation(kind=Kind.CANCEL_BROKEN, payment_id=payment_id, detail=detail)
            elif answer.said is Said.REFUSED and heard:
                detail = f"the cancel was refused ({answer.status}), and took effect"
                yield Violation(kind=Kind.CANCEL_BROKEN, payment_id=payment_id, detail=detail)


def refunds_went_as_told(told: Told, log: Log) -> Iterator[Violation]:
    """Who was told that the refund is theirs (200, 201) finds it, as they asked for it; one request has created it.

    A refusal by the payment's state does not hold for ever: the same key may ask again later.
    """
    for payment_id, answers in told.refunds.items():
        refund = log.get(payment_id)

        def violation(kind: Kind, detail: str, of: str = payment_id) -> Violation:
            return Violation(kind=kind, payment_id=of, detail=detail)

        if sum(answer.status == CREATED for answer in answers) > 1:
            yield violation(Kind.CREATED_TWICE, "more than one answer to its request was 201")
        if refund is not None and refund.head.fingerprint not in map(_asked, answers):
            yield violation(Kind.OTHER_TERMS, "nobody asked for this refund")
        for answer in answers:
            is_theirs = refund is not None and refund.head.fingerprint == _asked(answer)
            if answer.status in (200, CREATED) and refund is None:
                yield violation(Kind.LOST, f"the refund was answered {answer.status}, and is not in the log")
            elif answer.status in (200, CREATED) and not is_theirs:
                yield violation(Kind.OTHER_TERMS, f"{answer.status} was answered to another refund than it is")
            elif answer.said is Said.REFUSED and answer.code == CONFLICT and (refund is None or is_theirs):
                yield violation(Kind.REFUSAL_BROKEN, "refused as another body, and there is no other")
            elif answer.said is Said.REFUSED and answer.code not in _REFUND_REFUSALS:
                yield violation(Kind.REFUSED_WRONGLY, f"{answer.status} {answer.code} was answered to a sound refund")


def _asked(answer: Answer) -> bytes:
    return refund_fingerprint(amount_minor=answer.refund_minor, description=None, metadata_json="{}")


def all_are_terminal(log: Log, silent_payers: Collection[str]) -> Iterator[Violation]:
    """Every payment has reached its end, but those of payers of whom the bank never says a word."""
    for payment in log.payments():
        if payment.status not in TERMINAL and not _stays(payment, silent_payers):
            last = payment.last
            detail = f"{payment.status} since {last.occurred_at_us} ({payment.head.payment_rail_type})"
            yield Violation(kind=Kind.NOT_TERMINAL, payment_id=payment.payment_id, detail=detail)


def _stays(payment: Payment, silent_payers: Collection[str]) -> bool:
    return payment.status is Status.PROCESSING and payment.head.payer_account_id in silent_payers


def _terms(payment: Payment) -> Terms:
    head = payment.head
    return Terms(
        payer=head.payer_account_id,
        payee=head.payee_account_id,
        amount_minor=head.amount_minor,
        rail=head.payment_rail_type.value,
    )
