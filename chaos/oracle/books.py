"""Our ledger: it sums to zero, its balances are the sums of its lines, and its lines are what the log means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from chaos.oracle.history import Log
from chaos.oracle.violation import Kind, Violation
from payments.ledger import Direction, postings
from payments.payment import EventType, Payment, Status

Account = tuple[str, str]  # Tenant and ledger account.


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of analytics.ledger_entries; the amount in cents."""

    payment_id: str
    tenant_id: str
    sequence: int
    line: int
    account: str
    direction: str
    amount_minor: int

    @property
    def signed_minor(self) -> int:
        """Credits are positive."""
        return self.amount_minor if self.direction == Direction.CREDIT else -self.amount_minor


class Sums:
    """The ledger's lines, added up while they go by in the order of payments."""

    def __init__(self) -> None:
        self.by_account: dict[Account, int] = defaultdict(int)

    def watch(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries unchanged, having added each."""
        for entry in entries:
            self.by_account[entry.tenant_id, entry.account] += entry.signed_minor
            yield entry


def entries_fit(entries: Iterable[Entry], log: Log) -> Iterator[Violation]:
    """Per payment the lines sum to zero and are exactly those of its transitions; `entries` are ordered by payment."""
    seen: set[str] = set()
    for payment_id, group in groupby(entries, key=attrgetter("payment_id")):
        seen.add(payment_id)
        found = list(group)
        off_minor = sum(entry.signed_minor for entry in found)
        if off_minor:
            detail = f"its ledger lines sum to {off_minor} cents"
            yield Violation(kind=Kind.IMBALANCE, payment_id=payment_id, detail=detail, cents=abs(off_minor))
        payment = log.get(payment_id)
        if payment is None:
            yield _differs(payment_id, "the ledger has lines of it, the log has not")
        elif sorted(found, key=_place) != (expected := _expected(payment)):
            yield _differs(payment_id, f"the ledger has {len(found)} lines, its transitions mean {len(expected)}")
        elif (left := _left_by(found)) != (meant := _left_by_status(payment)):
            yield _differs(payment_id, f"{payment.status}, and its lines leave {left}, not {meant}")
    for payment in log.payments(but=seen):
        if _expected(payment):
            yield _differs(payment.payment_id, "the ledger has no lines of it")


def balances_fit(balances: Mapping[Account, int], sums: Mapping[Account, int]) -> Iterator[Violation]:
    """Every balance (credits less debits, cents) is the sum of its lines, and all of them sum to zero."""
    for account in sorted({*balances, *sums}):
        off_minor = balances.get(account, 0) - sums.get(account, 0)
        if off_minor:
            detail = f"the balance of {account} is {off_minor} cents off the sum of its lines"
            yield Violation(kind=Kind.IMBALANCE, payment_id=None, detail=detail, cents=abs(off_minor))
    total_minor = sum(balances.values())
    if total_minor:
        detail = f"all balances sum to {total_minor} cents"
        yield Violation(kind=Kind.IMBALANCE, payment_id=None, detail=detail, cents=abs(total_minor))


def _expected(payment: Payment) -> list[Entry]:
    return [
        Entry(
            payment_id=payment.payment_id,
            tenant_id=payment.head.tenant_id,
            sequence=step.sequence,
            line=posting.line,
            account=posting.account,
            direction=posting.direction.value,
            amount_minor=posting.amount_minor,
        )
        for step in payment.transitions
        for posting in postings(payment.head, step)
    ]


def _left_by(entries: Iterable[Entry]) -> dict[str, int]:
    """Return what the lines leave on each account that they do not leave as it was; credits are positive."""
    left: dict[str, int] = defaultdict(int)
    for entry in entries:
        left[entry.account] += entry.signed_minor
    return {account: minor for account, minor in left.items() if minor}


def _left_by_status(payment: Payment) -> dict[str, int]:
    """Return what a payment has to leave on each account, told by where it stands and not by the product's postings."""
    head, minor = payment.head, payment.head.amount_minor
    left: dict[str, int] = defaultdict(int)
    has_completed = payment.status in (Status.COMPLETED, Status.REFUNDED)
    if payment.status is Status.PROCESSING or has_completed:
        left[f"bank_account:{head.payer_account_id}"] -= minor
    if payment.status is Status.PROCESSING:
        left[f"clearing:{head.payment_rail_type.value}"] += minor
    if has_completed:
        left[f"bank_account:{head.payee_account_id}"] += minor
    for step in payment.transitions:
        if step.event_type is EventType.SUSPENSE_RECORDED:
            left[f"clearing:{head.payment_rail_type.value}"] -= minor
            left["suspense"] += minor
    return {account: minor for account, minor in left.items() if minor}


def _place(entry: Entry) -> tuple[int, int]:
    return entry.sequence, entry.line


def _differs(payment_id: str, detail: str) -> Violation:
    return Violation(kind=Kind.LEDGER_DIFFERS, payment_id=payment_id, detail=detail)
