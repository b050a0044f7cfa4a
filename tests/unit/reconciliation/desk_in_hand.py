"""A desk for statements without Kafka: what it writes goes into its book at once; its reports are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import count
from pathlib import Path

from payments.commands import RailReport
from payments.idempotency import payment_id
from payments.payment import Payment, Status
from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile
from rails.simulated.statements.writer import write_statements
from reconciliation.book import Book
from reconciliation.book import Item as BookItem
from reconciliation.known_payment import KnownPayment, known_payment
from reconciliation.statement_desk import StatementDesk, Taken, Wanted
from schemas.codec import decode, encode
from schemas.reconciliation import ReconciliationRecord, StatementFinding, StatementProof

DAY = date(2025, 2, 20)  # Of the seed document's payment, Eastern as well.
NOW_US = 1_740_200_000_000_000  # Two days later.


class DeskInHand:
    """A desk, its book in memory, and everything that was written."""

    def __init__(
        self,
        payments: Iterable[KnownPayment | Payment] = (),
        own_accounts: Iterable[str] = (),
        *,
        path: Path | None = None,
        reads_back: bool = True,
    ) -> None:
        self.book = Book(path)
        self._reads_back = reads_back
        self.book.adopt("test", 0)
        self.records: list[ReconciliationRecord] = []
        self.reports: list[RailReport] = []
        self._offsets = count()
        self.know(payments)
        self.desk = StatementDesk(lambda: self.book, self, lambda: NOW_US, frozenset(own_accounts))

    def know(self, payments: Iterable[KnownPayment | Payment]) -> None:
        self.book.keep([known_payment(it) if isinstance(it, Payment) else it for it in payments], {})

    def append(self, records: Sequence[ReconciliationRecord], reports: Sequence[RailReport] = ()) -> None:
        # As the log has them.
        if self._reads_back:
            assert [decode(encode(record)) for record in records] == list(records)
        self.book.apply([(next(self._offsets), record) for record in records])
        self.records += records
        self.reports += reports

    def take(self, data: bytes, *, tenant_id: str = "", is_whole: bool = True) -> Taken:
        return self.desk.take(BytesIO(data), Wanted(name="test", tenant_id=tenant_id, is_whole=is_whole))

    def findings(self) -> list[StatementFinding]:
        return [record for record in self.records if isinstance(record, StatementFinding)]

    def proofs(self) -> list[StatementProof]:
        return [record for record in self.records if isinstance(record, StatementProof)]

    def items(self, state: str | None = None, tenant_id: str = "") -> list[BookItem]:
        return self.book.items(tenant_id, state, after=-1, limit=1000)


def known(
    key: str,
    *,
    amount_minor: int = 150_000,
    status: Status = Status.COMPLETED,
    payer: str = "payer",
    payee: str = "payee",
    tenant_id: str = "demo",
    bank_reference: str | None = None,
    day: date = DAY,
) -> KnownPayment:
    """Return a payment of which everything happened on one day."""
    was_settled = status in (Status.COMPLETED, Status.RETURNED, Status.REFUNDED)
    has_ended = status in (Status.RETURNED, Status.FAILED)
    on = day.isoformat()
    return KnownPayment(
        payment_id=payment_id(tenant_id, key),
        tenant_id=tenant_id,
        idempotency_key=key,
        rail="instant",
        amount_minor=amount_minor,
        currency="USD",
        status=status,
        attempt=1,
        payer_account_id=payer,
        payee_account_id=payee,
        claimed_day=None if status in (Status.PENDING, Status.CANCELLED) else on,
        settled_day=on if was_settled else None,
        ended_day=on if has_ended else None,
        bank_reference=bank_reference,
        history=(),
    )


def reference_of(payment: KnownPayment) -> str:
    """Return our reference as a statement has room for it."""
    return f"{payment.payment_id.replace('-', '')}:1"


def booking(
    amount_minor: int,
    end_to_end_id: str | None = None,
    *,
    reference: str = "BK-1",
    trace_number: str | None = None,
    return_reason: str | None = None,
    text: str = "",
    day: date = DAY,
    is_reversal: bool = False,
) -> Booking:
    item = Item(
        amount_minor=amount_minor,
        reference=reference,
        end_to_end_id=end_to_end_id,
        trace_number=trace_number,
        return_reason=return_reason,
        text=text,
    )
    kind = Kind.INSTANT if return_reason is None else Kind.ACH_RETURN
    return Booking(kind=kind, item=item, booked_on=day, valued_on=day, is_reversal=is_reversal)


def batch(message_id: str, *items: Item, reference: str = "BK-BATCH", day: date = DAY) -> Booking:
    total = Item(amount_minor=sum(item.amount_minor for item in items), reference=reference)
    return Booking(kind=Kind.ACH_FILE, item=total, booked_on=day, valued_on=day, message_id=message_id, payments=items)


def statement_file(
    bookings: Mapping[str, Sequence[Booking]],
    form: str = "csv",
    *,
    number: int = 1,
    day: date = DAY,
    opening_minor: int = 0,
) -> bytes:
    """Return a file with a statement of one day for each account."""
    statements = [
        AccountStatement(
            account=account,
            statement_id=f"{account}-{number}",
            currency="USD",
            opening_minor=opening_minor,
            first_day=day,
            last_day=day,
            bookings=booked,
        )
        for account, booked in bookings.items()
    ]
    file = StatementFile(
        sender="121042882",
        receiver="DIRECTPAY",
        created_at=datetime(2025, 2, 21, tzinfo=UTC),
        number=number,
        statements=statements,
    )
    return b"".join(write_statements(file, form))
