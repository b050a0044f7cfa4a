"""What must hold of each payment, entity, refusal, delivery, balance and position: by what log and tables say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from directory.changes import DirectoryRecord
from payments.history import illegal_moves, turned_times, unlike_its_history
from payments.money import format_amount
from payments.payment import Payment, first_broken_link
from payments.rejection import Rejection
from projections.verification import expected
from projections.verification.faults import Fault, Kind
from projections.verification.rows import Row, Table, differences
from projections.views.payments import Snapshot
from schemas.deliveries import WebhookDelivery
from schemas.partitioning import partition_of

# Clocks of brokers, producers and the database may differ by so much before anybody minds.
CLOCKS_APART_US = 5 * 60 * 1_000_000

_DIRECTION, _AMOUNT = (expected.ENTRIES.columns.index(name) for name in ("direction", "amount_minor"))
_PAYMENT, _ENTITY = (expected.OUTCOMES.columns.index(name) for name in ("payment_id", "entity_id"))
_REJECTED_AT = expected.OUTCOMES.columns.index("rejected_at")
_DELIVERED_OF, _ATTEMPTED_AT = (expected.DELIVERIES.columns.index(name) for name in ("payment_id", "attempted_at"))
_OF_PAYMENT: tuple[tuple[Table, Callable[[Snapshot], list[Row]]], ...] = (
    (expected.PAYMENTS, expected.payment_rows),
    (expected.EVENTS, expected.event_rows),
    (expected.ENTRIES, expected.entry_rows),
)


def history_faults(snapshot: Snapshot, partitions: int) -> Iterator[Fault]:
    """Yield what is wrong with a payment of the log by itself: its place, its moves and times, its hash chain."""
    payment_id, payment = snapshot.payment_id, snapshot.payment
    if payment.payment_id != payment_id:
        yield Fault(kind=Kind.MISPLACED, subject=payment_id, detail=f"its record is of payment {payment.payment_id}")
    elif (home := partition_of(payment.key, partitions)) != snapshot.partition:
        detail = f"it is on partition {snapshot.partition} of payment-events, its home is {home}"
        yield Fault(kind=Kind.MISPLACED, subject=payment_id, detail=detail)
    for detail in _wrongs(payment):
        yield Fault(kind=Kind.HISTORY, subject=payment_id, detail=detail)
    if (place := first_broken_link(payment)) is not None:
        detail = f"the hash of transition {place} does not cover it and all before"
        yield Fault(kind=Kind.CHAIN, subject=payment_id, detail=detail)


def payment_faults(
    payment_id: str, snapshot: Snapshot | None, payments: Sequence[Row], events: Sequence[Row], entries: Sequence[Row]
) -> Iterator[Fault]:
    """Yield how the stored rows of a payment differ from its snapshot in the log (None: it is not there), and whether
    its ledger lines balance."""
    for (table, rows_of), stored in zip(_OF_PAYMENT, (payments, events, entries), strict=True):
        logged = rows_of(snapshot) if snapshot is not None else []
        if found := differences(table, logged, stored):
            yield Fault(kind=table.kind, subject=payment_id, detail="; ".join(found))
    if off_minor := debits_less_credits(entries):
        detail = f"its debits and credits differ by {format_amount(abs(off_minor))}"
        yield Fault(kind=Kind.IMBALANCE, subject=payment_id, detail=detail)


def debits_less_credits(entries: Sequence[Row]) -> int:
    """Return what these ledger lines are off zero, in cents."""
    off_minor = 0
    for entry in entries:
        amount = entry[_AMOUNT]
        # Whoever alters rows may have dropped the column's constraint before.
        minor = amount if isinstance(amount, int) else 0
        off_minor += minor if entry[_DIRECTION] == "debit" else -minor
    return off_minor


def entity_faults(entity_id: str, record: DirectoryRecord | None, stored: Sequence[Row]) -> Iterator[Fault]:
    """Yield how the stored rows of an entity differ from its newest record in the log (None: there is none)."""
    logged = [expected.entity_row(record)] if record is not None else []
    if found := differences(expected.ENTITIES, logged, stored):
        yield Fault(kind=Kind.ENTITIES, subject=entity_id, detail="; ".join(found))


def outcome_faults(
    outcome_key: str, rejection: Rejection | None, stored: Sequence[Row], *, kept_since_us: int
) -> Iterator[Fault]:
    """Yield how the stored rows of a refusal differ from the log's.

    The log keeps refusals for 30 days: one that is not there and is older than `kept_since_us` cannot be judged.
    """
    if rejection is None and all(_is_older(row[_REJECTED_AT], kept_since_us) for row in stored):
        return
    logged = [expected.outcome_row(rejection)] if rejection is not None else []
    if found := differences(expected.OUTCOMES, logged, stored):
        subject = next((str(row[n]) for row in (*logged, *stored) for n in (_PAYMENT, _ENTITY) if row[n]), outcome_key)
        yield Fault(kind=Kind.OUTCOMES, subject=subject, detail=f"refusal {outcome_key}: {'; '.join(found)}")


def delivery_faults(
    delivery_key: str, delivery: WebhookDelivery | None, stored: Sequence[Row], *, kept_since_us: int
) -> Iterator[Fault]:
    """Yield how the stored rows of an attempt to deliver an event differ from the log's.

    Log and views both keep attempts for 30 days, each by its own clock: what is older than `kept_since_us` may be
    missing on either side.
    """
    logged = [expected.delivery_row(delivery)] if delivery is not None else []
    if all(_is_older(row[_ATTEMPTED_AT], kept_since_us) for row in (*logged, *stored)):
        return
    if found := differences(expected.DELIVERIES, logged, stored):
        subject = str((logged or stored)[0][_DELIVERED_OF])
        yield Fault(kind=Kind.DELIVERIES, subject=subject, detail=f"attempt {delivery_key}: {'; '.join(found)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Both sides of an account, in cents."""

    debits_minor: int
    credits_minor: int

    def __str__(self) -> str:
        return f"debits {format_amount(self.debits_minor)}, credits {format_amount(self.credits_minor)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The balance of an account on a partition, as `rows` rows have it, beside the sums of its ledger lines.

    None where there is no row or no line; `payment_id` is that of one of the lines.
    """

    tenant_id: str
    account: str
    currency: str
    partition: int
    stored: Sums | None
    lines: Sums | None
    rows: int
    payment_id: str | None


def balance_faults(balance: Balance) -> Iterator[Fault]:
    """Yield how a balance differs from its lines."""
    if balance.stored == balance.lines and balance.rows == 1:
        return
    where = f"account_balances of {balance.tenant_id} {balance.currency} on partition {balance.partition}"
    said = "its row says" if balance.rows == 1 else f"its {balance.rows} rows say"
    is_ = "its row is missing" if balance.stored is None else f"{said} {balance.stored}"
    meant = f"its ledger lines (payment {balance.payment_id} has one) say {balance.lines}"
    detail = f"{where}: {is_}; {meant if balance.lines is not None else 'it has no ledger lines'}"
    yield Fault(kind=Kind.BALANCES, subject=balance.account, detail=detail)


# Where a row of sums says of whom it is; the others are of nobody alone.
_SUBJECT_AT = {"open_payments": 1, "leases": 2}


def sums_fault(table: str, row: tuple[object, ...]) -> Fault:
    """Return what a row of `projections.rollup_checks` says: a sum that is there and wrong, or one that is missing."""
    side, *values = row
    place = _SUBJECT_AT.get(table)
    subject = f"sums of {table}" if place is None else str(row[place])
    says = "its row says" if side == "said" else "the rows behind it say"
    return Fault(kind=Kind.SUMS, subject=subject, detail=f"{table}: {says} {', '.join(map(str, values))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A row of `offsets`: how far a partition is projected, as the database says; times in microseconds."""

    topic: str
    partition: int
    topic_id: str
    next: int
    log_end: int
    checked_at_us: int
    record_at_us: int | None


def position_faults(position: Position, *, log_end: int, last_record_at_us: int | None, now_us: int) -> Iterator[Fault]:
    """Yield what cannot be of a position: `log_end` is behind all that is written, `now_us` the database's time,
    `last_record_at_us` the time of the last record before the position."""
    subject = f"{position.topic}[{position.partition}]"

    def fault(detail: str) -> Fault:
        return Fault(kind=Kind.POSITIONS, subject=subject, detail=detail)

    if position.next > log_end:
        yield fault(f"it is projected to offset {position.next}, but ends at {log_end}")
    if not position.next <= position.log_end <= max(log_end, position.next):
        yield fault(
            f"its end is said to be {position.log_end}: it is projected to {position.next} and ends at {log_end}"
        )
    if position.checked_at_us > now_us + CLOCKS_APART_US:
        yield fault("it was last looked at in the future")
    if last_record_at_us is not None and (position.record_at_us or 0) < last_record_at_us:
        yield fault("its newest projected record is newer than the database says")
    if (position.record_at_us or 0) > max(now_us, last_record_at_us or 0) + CLOCKS_APART_US:
        yield fault("its newest projected record is said to be of the future")


def _wrongs(payment: Payment) -> Iterator[str]:
    yield from illegal_moves(payment)
    yield from turned_times(payment)
    yield from unlike_its_history(payment)


def _is_older(at_us: object, than_us: int) -> bool:
    return isinstance(at_us, int) and at_us < than_us
