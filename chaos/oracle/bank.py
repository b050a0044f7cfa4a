"""The bank's own books, compared with the log: what was paid was paid once, what was cancelled never."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from chaos.oracle.history import Log
from chaos.oracle.violation import Kind, Violation
from payments.payment import EventType, Payment, Status

# What the bank's state of a transfer means for the payment, where money moved or was refused.
_MEANS = {"settled": Status.COMPLETED, "returned": Status.RETURNED, "rejected": Status.FAILED}
_MOVED = frozenset({"settled", "returned"})
# Suspense holds what the bank moved though nobody waited for it (any more).
_TELLS_OF_MONEY = frozenset({EventType.COMPLETED, EventType.SUSPENSE_RECORDED})
_OPEN = frozenset({Status.PENDING, Status.PROCESSING})
# Failed by ourselves, before any bank heard of it, or by the bank's refusal to take the instruction.
_WITHOUT_TRANSFER = _OPEN | {Status.FAILED, Status.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer in the bank's books: `entries` is how many lines it has booked, which sum to `entries_minor`."""

    reference: str
    amount_minor: int
    state: str
    entries: int
    entries_minor: int

    @property
    def payment_id(self) -> str:
        return str(UUID(self.reference.partition(":")[0]))


def transfers_fit(transfers: Iterable[Transfer], log: Log) -> Iterator[Violation]:
    """Each payment has the transfers that its status means: one when it was paid, none when it was cancelled.

    Of one that is still open (another check's business) only that its money has not moved twice.
    """
    by_payment: dict[str, list[Transfer]] = defaultdict(list)
    for transfer in transfers:
        by_payment[transfer.payment_id].append(transfer)
    for payment_id, found in by_payment.items():
        payment = log.get(payment_id)
        if payment is None:
            yield _violation(Kind.BANK_DIFFERS, payment_id, "the bank has a transfer of a payment that does not exist")
        else:
            yield from _fit(payment, found)
    for payment in log.payments(but=by_payment):
        if payment.status not in _WITHOUT_TRANSFER:
            yield _violation(Kind.BANK_DIFFERS, payment.payment_id, f"{payment.status}, and the bank has no transfer")


def books_balance(totals: Mapping[str, int]) -> Iterator[Violation]:
    """The bank's lines and balances sum to zero, credits equal debits."""
    for name in ("entries_minor", "balances_minor"):
        if totals[name]:
            yield _violation(Kind.BANK_IMBALANCE, None, f"{name} is {totals[name]}", cents=abs(totals[name]))
    if totals["credits_minor"] != totals["debits_minor"]:
        off = abs(totals["credits_minor"] - totals["debits_minor"])
        yield _violation(Kind.BANK_IMBALANCE, None, f"credits and debits differ by {off}", cents=off)


def _fit(payment: Payment, found: list[Transfer]) -> Iterator[Violation]:
    payment_id = payment.payment_id
    moved = [transfer for transfer in found if transfer.state in _MOVED]
    if len(moved) > 1:
        references = [transfer.reference for transfer in moved]
        yield _violation(Kind.DOUBLE_TRANSFER, payment_id, f"{references} all moved money")
    if payment.status is Status.CANCELLED:
        states = [transfer.state for transfer in found]
        yield _violation(Kind.PAID_AND_CANCELLED, payment_id, f"cancelled, and the bank has a transfer: {states}")
        return
    for transfer in found:
        if transfer.amount_minor != payment.head.amount_minor:
            detail = f"{transfer.reference} is of {transfer.amount_minor} cents, not {payment.head.amount_minor}"
            yield _violation(Kind.BANK_DIFFERS, payment_id, detail)
        lines = {"settled": 2, "returned": 4}.get(transfer.state, 0)
        if transfer.entries != lines or transfer.entries_minor:
            detail = f"{transfer.reference} is {transfer.state} with {transfer.entries} lines"
            yield _violation(Kind.BANK_IMBALANCE, payment_id, detail, cents=abs(transfer.entries_minor))
    said = {transfer.state for transfer in found}
    meant = {_MEANS[state] for state in said if state in _MEANS}
    # The bank knows refunds as transfers of their own: of the payment that they give back it says what it was.
    status = Status.COMPLETED if payment.status is Status.REFUNDED else payment.status
    if status not in _OPEN and meant != {status}:
        yield _violation(Kind.BANK_DIFFERS, payment_id, f"{payment.status}, and the bank says {sorted(said)}")
        return
    told = sum(step.event_type in _TELLS_OF_MONEY for step in payment.transitions)
    if told > len(moved):
        detail = f"its history tells of money {told} times, the bank moved it {len(moved)} times"
        yield _violation(Kind.BANK_DIFFERS, payment_id, detail)


def _violation(kind: Kind, payment_id: str | None, detail: str, *, cents: int = 0) -> Violation:
    return Violation(kind=kind, payment_id=payment_id, detail=detail, cents=cents)
