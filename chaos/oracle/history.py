"""What must hold of payment-events: each transition once, in order, legal, chained, on its place.

Every check takes a record and the payment's record before it; `Log` folds the topic with all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from chaos.oracle.violation import Kind, Violation
from payments.history import illegal_moves, turned_times
from payments.payment import Payment, first_broken_link
from schemas import codec
from schemas.partitioning import partition_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A record of payment-events as a read_committed reader finds it."""

    partition: int
    offset: int
    key: str
    value: bytes  # The payment as it is written there.
    payment: Payment

    @property
    def place(self) -> str:
        return f"{self.partition}@{self.offset}"


RECENT_MAX = 20_000  # Some 100 MB.
Check = Callable[[Payment | None, Event], Iterator[Violation]]


def each_sequence_once_in_order(before: Payment | None, event: Event) -> Iterator[Violation]:
    """A record follows its predecessor: not the same transition again, none left out."""
    expected = 1 if before is None else before.last.sequence + 1
    found = event.payment.last.sequence
    if before is not None and found < expected and before.transitions[:found] == event.payment.transitions:
        yield _violation(Kind.DOUBLED_EVENT, event, f"sequence {found} again, after {expected - 1}")
    elif found != expected:
        yield _violation(Kind.OUT_OF_ORDER, event, f"sequence {found}, expected {expected}")


def past_stays(before: Payment | None, event: Event) -> Iterator[Violation]:
    """A record repeats the history of the one before, and its head, byte for byte."""
    if before is None:
        return
    length = min(len(before.transitions), len(event.payment.transitions))
    if before.transitions[:length] != event.payment.transitions[:length]:
        yield _violation(Kind.FORKED, event, "the history differs from the one in the record before")
    if before.head != event.payment.head:
        yield _violation(Kind.FORKED, event, "the head differs from the one in the record before")


def chain_intact(_before: Payment | None, event: Event) -> Iterator[Violation]:
    """Every transition's hash covers it and all before."""
    if (place := first_broken_link(event.payment)) is not None:
        yield _violation(Kind.CHAIN_BROKEN, event, f"the hash of transition {place} does not fit")


def moves_legal(_before: Payment | None, event: Event) -> Iterator[Violation]:
    """Every transition is one of the lifecycle's moves, from where the one before led."""
    for wrong in illegal_moves(event.payment):
        yield _violation(Kind.ILLEGAL_MOVE, event, wrong)


def times_increase(_before: Payment | None, event: Event) -> Iterator[Violation]:
    """A history's times always increase."""
    for wrong in turned_times(event.payment):
        yield _violation(Kind.TIME_TURNED, event, wrong)


def in_its_place(partitions: int) -> Check:
    """A record stands under its payment's id, on the partition of its payment's command."""

    def check(_before: Payment | None, event: Event) -> Iterator[Violation]:
        if event.key != event.payment.payment_id:
            yield _violation(Kind.MISPLACED, event, f"under the key {event.key}")
        home = partition_of(event.payment.key, partitions)
        if event.partition != home:
            yield _violation(Kind.MISPLACED, event, f"on partition {event.partition}, not {home}")

    return check


class Log:
    """The fold of payment-events: the newest record of every payment, and what was wrong on the way."""

    def __init__(self, events: Iterable[Event], *, partitions: int) -> None:
        self.events = 0
        self.violations: list[Violation] = []
        # As bytes: a million payments as objects would be 5 GB.
        self._newest: dict[str, bytes] = {}
        # Decoding is most of the oracle's work, and the next record of a payment is mostly near.
        self._recent: dict[str, Payment] = {}
        checks: list[Check] = [
            each_sequence_once_in_order, past_stays, chain_intact, moves_legal, times_increase,
            in_its_place(partitions),
        ]  # fmt: skip
        for event in events:
            self._note(event, checks)

    def __contains__(self, payment_id: str) -> bool:
        return payment_id in self._newest

    def __len__(self) -> int:
        return len(self._newest)

    def ids(self) -> Iterator[str]:
        return iter(self._newest)

    def get(self, payment_id: str) -> Payment | None:
        """Return the payment as its furthest record tells it."""
        value = self._newest.get(payment_id)
        return None if value is None else _decode(value)

    def payments(self, *, but: Container[str] = frozenset()) -> Iterator[Payment]:
        """Yield the newest of every payment but those of these ids."""
        return (_decode(value) for payment_id, value in self._newest.items() if payment_id not in but)

    def _note(self, event: Event, checks: Iterable[Check]) -> None:
        self.events += 1
        payment_id = event.payment.payment_id
        before = self._recent.pop(payment_id, None) or self.get(payment_id)
        for check in checks:
            self.violations += check(before, event)
        # A doubled or late record must not hide what was there before it.
        if before is None or event.payment.last.sequence > before.last.sequence:
            self._newest[payment_id] = event.value
            before = event.payment
        self._recent[payment_id] = before
        if len(self._recent) > RECENT_MAX:
            del self._recent[next(iter(self._recent))]


def _decode(value: bytes) -> Payment:
    payment = codec.decode(value)
    assert isinstance(payment, Payment)
    return payment


def _violation(kind: Kind, event: Event, detail: str) -> Violation:
    return Violation(kind=kind, payment_id=event.payment.payment_id, detail=f"{event.place}: {detail}")
