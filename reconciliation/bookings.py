"""A statement's bookings, one a payment: an entry of one payment is one, an entry of a batch is one for each listed.

Together they are what the statement's balances moved by, whatever a batch lists. A batch's total stands before them:
another statement may have that alone, and means the same money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from reconciliation.statements.values import BatchItem, Entry, Placed, Statement
from schemas.reconciliation import id_of


class Booking(Struct, frozen=True, kw_only=True):
    """One booking. `amount_minor` is signed, a credit positive. `occurrence` counts those of a statement that are
    alike in everything, from 1. `is_batched`: it is one of the payments of a file, which the bank booked at once;
    `is_total`: it is what the payments behind it come to, and no booking beside them."""

    line: int
    account: str
    statement_id: str
    currency: str
    day: date
    amount_minor: int
    is_return: bool
    is_batched: bool
    end_to_end_id: str | None = None
    reference: str | None = None
    trace_number: str | None = None
    return_reason: str | None = None
    text: str = ""
    is_total: bool = False
    occurrence: int = 1

    def finding_id(self, tenant_id: str) -> str:
        """Return the id of what is found of it. A later statement that tells of it again tells of the same one."""
        return id_of([tenant_id, *self.identity, self.occurrence])

    @property
    def identity(self) -> tuple[str | int | None, ...]:
        """What tells it from others. The statement's id is not in it: banks send a day twice, once as it goes."""
        return (
            self.account,
            self.currency,
            self.day.isoformat(),
            self.amount_minor,
            int(self.is_return),
            self.end_to_end_id,
            self.reference,
            self.trace_number,
            self.return_reason,
        )


def bookings_of(parts: Iterable[Placed]) -> Iterator[Booking]:
    """Yield the bookings of a file, in its order. What is pending or for information is in no balance, and left out."""
    statement: Statement | None = None
    alike: Counter[tuple[str | int | None, ...]] = Counter()
    for placed in parts:
        if isinstance(placed.part, Statement):
            statement, alike = placed.part, Counter()
        elif isinstance(placed.part, Entry) and placed.part.is_booked:
            assert statement is not None, "a statement's head comes before its entries"
            for booking in _of_entry(statement, placed.part, placed.line):
                alike[booking.identity] += 1
                occurrence = alike[booking.identity]
                yield booking if occurrence == 1 else replace(booking, occurrence=occurrence)


def _of_entry(statement: Statement, entry: Entry, line: int) -> Iterator[Booking]:
    items = [item for batch in entry.batches for item in batch.items]
    amount_minor = entry.direction.signed(entry.amount_minor)
    if not items or any(item.amount_minor is None for item in items):
        yield _booking(statement, entry, line, entry, amount_minor, is_batched=bool(entry.batches))
        return
    yield replace(_booking(statement, entry, line, entry, amount_minor, is_batched=True), is_total=True)
    for item in items:
        assert item.amount_minor is not None
        yield _booking(statement, entry, line, item, item.direction.signed(item.amount_minor), is_batched=True)
    rest_minor = amount_minor - sum(item.direction.signed(item.amount_minor or 0) for item in items)
    if rest_minor:
        # What the bank took for itself, or did not list: it is in the balance all the same.
        yield Booking(
            line=line,
            account=statement.account,
            statement_id=statement.statement_id,
            currency=statement.currency,
            day=_day(statement, entry),
            amount_minor=rest_minor,
            is_return=False,
            is_batched=True,
            text="the rest of a batch",
        )


def _booking(
    statement: Statement, entry: Entry, line: int, named: Entry | BatchItem, amount_minor: int, *, is_batched: bool
) -> Booking:
    return Booking(
        line=line,
        account=statement.account,
        statement_id=statement.statement_id,
        currency=statement.currency,
        day=_day(statement, entry),
        amount_minor=amount_minor,
        is_return=entry.is_reversal or (named.return_reason or entry.return_reason) is not None,
        is_batched=is_batched,
        end_to_end_id=named.end_to_end_id,
        reference=named.reference,
        trace_number=named.trace_number,
        return_reason=named.return_reason or entry.return_reason,
        text=named.text,
    )


def _day(statement: Statement, entry: Entry) -> date:
    return entry.booking_date or statement.last_day
