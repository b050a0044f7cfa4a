"""Evidence as the oracle's tests tell of it: a payment's records, and what the stores say when all is well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chaos.answers import Answer, Ask, Channel, Said, Terms
from chaos.oracle.bank import Transfer
from chaos.oracle.books import Entry
from chaos.oracle.history import Event, Log
from chaos.oracle.told import Told
from chaos.oracle.views import EventSeen, PaymentSeen
from payments.commands import Order, RefundReport
from payments.decision import Moved
from payments.ledger import postings
from payments.lifecycle import decide
from payments.payment import Payment
from rails.bank import Reference
from schemas import codec
from schemas.partitioning import partition_of
from tests.unit.payments.histories import MARCH, after_all, claimed, settled

PARTITIONS = 8
PAID = (MARCH, claimed(), settled())
TERMS = Terms(
    payer=MARCH.payer_account_id,
    payee=MARCH.payee_account_id,
    amount_minor=MARCH.amount_minor,
    rail=MARCH.payment_rail_type,
)


def event(payment: Payment, *, partition: int | None = None, key: str | None = None, offset: int = 0) -> Event:
    """Return the payment's record in its place, or in the one given."""
    home = partition_of(payment.key, PARTITIONS)
    return Event(
        partition=home if partition is None else partition,
        offset=offset,
        key=payment.payment_id if key is None else key,
        value=codec.encode(payment),
        payment=payment,
    )


def log_of(snapshots: Iterable[Payment]) -> Log:
    return Log((event(each, offset=number) for number, each in enumerate(snapshots)), partitions=PARTITIONS)


def log(*orders: Order) -> Log:
    """Return the log of a payment after these orders; of no payment without any."""
    return log_of(after_all(orders))


def snapshots(*orders: Order, deaf: bool = False) -> list[Payment]:
    """Return every record of payments after these orders and those that they have for each other.

    With `deaf`, payments do not hear what has become of their refunds.
    """
    payments: dict[str, Payment] = {}
    written: list[Payment] = []
    coming = list(orders)
    while coming:
        order = coming.pop(0)
        decision = decide(order, payments.get(order.payment_id))
        if isinstance(decision, Moved):
            payments[order.payment_id] = decision.payment
            written.append(decision.payment)
            coming = [each for each in decision.orders if not deaf or not isinstance(each, RefundReport)] + coming
    return written


def the_payment(log: Log) -> Payment:
    (payment,) = log.payments()
    return payment


def paid(
    *,
    said: Said = Said.ACCEPTED,
    status: int | None = 201,
    code: str | None = None,
    terms: Terms = TERMS,
    channel: Channel = Channel.HTTP,
    payment_id: str = MARCH.payment_id,
) -> Answer:
    """Return an answer to a request to pay."""
    return Answer(
        at_us=1, channel=channel, ask=Ask.PAY, payment_id=payment_id, said=said, terms=terms, status=status, code=code
    )


def cancel_answered(command_id: str, status: int | None, *, channel: Channel = Channel.HTTP) -> Answer:
    """Return an answer to a cancel."""
    said = Said.UNKNOWN if status is None else Said.ACCEPTED if status < 300 else Said.REFUSED
    return Answer(
        at_us=1, channel=channel, ask=Ask.CANCEL, payment_id=MARCH.payment_id, said=said, status=status,
        command_id=command_id,
    )  # fmt: skip


def told(*answers: Answer) -> Told:
    return Told(answers)


def payment_row(payment: Payment) -> PaymentSeen:
    head = payment.head
    return PaymentSeen(
        payment_id=payment.payment_id,
        tenant_id=head.tenant_id,
        idempotency_key=head.idempotency_key,
        payer_account_id=head.payer_account_id,
        payee_account_id=head.payee_account_id,
        amount_minor=head.amount_minor,
        currency="USD",
        payment_rail_type="standard_ach",
        status=str(payment.status),
        failure_code=payment.failure.code if payment.failure else None,
        initiated_at_us=head.initiated_at_us,
        updated_at_us=payment.transitions[-1].occurred_at_us,
        completed_at_us=payment.completed_at_us,
        refunded_minor=0,
    )


def event_rows(payment: Payment) -> list[EventSeen]:
    return [
        EventSeen(
            payment_id=payment.payment_id,
            sequence=step.sequence,
            event_type=str(step.event_type),
            previous_status=step.previous_status and str(step.previous_status),
            new_status=str(step.new_status),
            occurred_at_us=step.occurred_at_us,
            hash=step.hash,
        )
        for step in payment.transitions
    ]


def entries(payment: Payment) -> list[Entry]:
    return [
        Entry(
            payment_id=payment.payment_id,
            tenant_id=payment.head.tenant_id,
            sequence=step.sequence,
            line=posting.line,
            account=posting.account,
            direction=str(posting.direction),
            amount_minor=posting.amount_minor,
        )
        for step in payment.transitions
        for posting in postings(payment.head, step)
    ]


def transfer(state: str = "settled", *, attempt: int = 1, amount_minor: int = MARCH.amount_minor) -> Transfer:
    lines = {"settled": 2, "returned": 4}.get(state, 0)
    reference = str(Reference(payment_id=MARCH.payment_id, attempt=attempt))
    return Transfer(reference=reference, amount_minor=amount_minor, state=state, entries=lines, entries_minor=0)


def without(items: Sequence[Payment], place: int) -> list[Payment]:
    return [*items[:place], *items[place + 1 :]]
