"""The seed's design: POST stores a payment and queues a Celery task, which takes it to `processing` and `completed`.

It runs in an environment of its own and knows nothing of DirectPay. `python app.py` makes the tables.
What the seed leaves open is decided for speed, as long as its promises stand; a setting names its source.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from celery import Celery, Task
from fastapi import Depends, FastAPI, Header, HTTPException
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, ConfigDict, field_validator
from sqlalchemy import DateTime, ForeignKey, Numeric, String, create_engine, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

# What a process may have of Postgres' connections. More than a pool's size would be opened and closed again and again
# (SQLAlchemy, "Connection Pooling": pool_size, max_overflow).
POOL_SIZE = int(os.environ["PEER_POOL"])
engine = create_engine(os.environ["PEER_DATABASE"], pool_size=POOL_SIZE, max_overflow=0)
# Nothing is read again behind a commit (SQLAlchemy, "Session Basics": expire_on_commit).
SessionLocal = sessionmaker(engine, expire_on_commit=False)

celery_app = Celery("app", broker=os.environ["PEER_REDIS"])
celery_app.conf.update(
    # A task is acknowledged when it is done, and goes back when its process is killed: a worker's death must not lose
    # it (Celery, "Tasks": acks_late, reject_on_worker_lost).
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # Nobody asks for results (Celery, "Tasks", tips and best practices: ignore results you don't want).
    task_ignore_result=True,
    # Tasks are short, so many are reserved at once (Celery, "Optimizing", prefetch limits: say 64 or 128). With Redis,
    # those that a killed worker had reserved come back after the visibility timeout, an hour unless it is changed.
    worker_prefetch_multiplier=64,
    # As many connections as threads that publish (Celery, "Optimizing", broker connection pools).
    broker_pool_limit=POOL_SIZE,
    broker_connection_retry_on_startup=True,
)


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSONB, Decimal: Numeric(12, 2)}  # noqa: RUF012


class TransactionStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"


class User(Base):
    __tablename__ = "users"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]


class BankAccount(Base):
    __tablename__ = "bank_accounts"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    token: Mapped[str]


class Property(Base):
    __tablename__ = "properties"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    address: Mapped[str]


class Lease(Base):
    __tablename__ = "leases"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    property_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("properties.id"))
    renter_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    rent_amount: Mapped[Decimal]
    due_day: Mapped[int]
    start_date: Mapped[date]


class Transaction(Base):
    __tablename__ = "transactions"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    idempotency_key: Mapped[str] = mapped_column(String(255), unique=True)
    lease_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("leases.id"))
    payer_account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bank_accounts.id"))
    payee_account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bank_accounts.id"))
    amount: Mapped[Decimal]
    payment_rail_type: Mapped[str]
    status: Mapped[str]
    initiated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TransactionEvent(Base):
    __tablename__ = "transaction_events"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    transaction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transactions.id"), index=True)
    event_type: Mapped[str]
    previous_status: Mapped[str | None]
    new_status: Mapped[str]
    timestamp: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # `metadata` is SQLAlchemy's own name on a model.
    details: Mapped[dict[str, Any]] = mapped_column("metadata")
    # Tells the session which of the two to insert first.
    transaction: Mapped[Transaction] = relationship()


class TransactionCreate(BaseModel):
    idempotency_key: str | None = None
    lease_id: uuid.UUID | None = None
    payer_account_id: uuid.UUID
    payee_account_id: uuid.UUID
    amount: Decimal
    payment_rail_type: str

    @field_validator("amount")
    @classmethod
    def _in_bounds(cls, amount: Decimal) -> Decimal:
        if not 0 < amount <= 1_000_000:
            raise ValueError("amount must be positive and at most 1000000")
        return amount


class TransactionRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    status: str
    amount: Decimal
    idempotency_key: str
    initiated_at: datetime


def initiate_payments(orders: Sequence[TransactionCreate], db: Session) -> list[Transaction]:
    """Return the payment of each order's key, storing and queueing those that are new; all or nothing."""
    keys = {order.idempotency_key: order for order in orders}
    known = {
        each.idempotency_key: each
        for each in db.scalars(select(Transaction).where(Transaction.idempotency_key.in_(keys)))
    }
    wanted = [order for key, order in keys.items() if key not in known]
    accounts = {account for order in wanted for account in (order.payer_account_id, order.payee_account_id)}
    found = set(db.scalars(select(BankAccount.id).where(BankAccount.id.in_(accounts)))) if accounts else set()
    if missing := accounts - found:
        raise HTTPException(404, f"bank account {missing.pop()} not found")
    new = [_initiated(order, db) for order in wanted]
    try:
        db.commit()
    except IntegrityError as error:
        db.rollback()
        if not isinstance(error.orig, UniqueViolation):
            raise
        # Another request with one of the keys was faster.
        return initiate_payments(orders, db)
    # Behind the commit, or a worker could look for the payment before it is there (Celery, "Tasks", database
    # transactions). A process that is killed between the two leaves it pending for good: that is the design's.
    with celery_app.producer_pool.acquire(block=True) as producer:
        for each in new:
            process_payment_async.apply_async((str(each.id),), producer=producer)
    stored = known | {each.idempotency_key: each for each in new}
    return [stored[order.idempotency_key] for order in orders]


def _initiated(order: TransactionCreate, db: Session) -> Transaction:
    now = datetime.now(UTC)
    transaction = Transaction(
        id=uuid.uuid4(), status=TransactionStatus.PENDING, initiated_at=now, updated_at=now, **order.model_dump()
    )
    db.add(transaction)
    _log_event(db, transaction, None, TransactionStatus.PENDING, "payment_initiated", now)
    return transaction


def _log_event(
    db: Session, payment: Transaction, before: str | None, status: TransactionStatus, event_type: str, now: datetime
) -> None:
    db.add(
        TransactionEvent(
            transaction=payment,
            event_type=event_type,
            previous_status=before,
            new_status=status,
            timestamp=now,
            details={
                "payer_account": str(payment.payer_account_id),
                "payee_account": str(payment.payee_account_id),
                "amount": str(payment.amount),
                "rail": payment.payment_rail_type,
            },
        )
    )


class Database(Task):
    """A task with a session that is made when the task first asks for it, as the seed shows it."""

    _db: Session | None = None

    @property
    def db(self) -> Session:
        if self._db is None:
            self._db = SessionLocal()
        return self._db

    def after_return(self, *_args: object, **_named: object) -> None:
        if self._db is not None:
            self._db.close()


@celery_app.task(base=Database, bind=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=None)
def process_payment_async(self: Database, transaction_id: str) -> None:
    """Take a payment from where it is to `completed`; the bank's delay, a sleep in the seed, is left out."""
    db = self.db
    # What an attempt without the database left behind.
    db.rollback()
    payment = db.get(Transaction, uuid.UUID(transaction_id))
    if payment.status == TransactionStatus.PENDING:
        _move(db, payment, TransactionStatus.PROCESSING)
    if payment.status == TransactionStatus.PROCESSING:
        _move(db, payment, TransactionStatus.COMPLETED)


def _move(db: Session, payment: Transaction, status: TransactionStatus) -> None:
    before, now = payment.status, datetime.now(UTC)
    payment.status = status
    payment.updated_at = now
    _log_event(db, payment, before, status, f"payment_{status}", now)
    db.commit()


def get_db() -> Iterator[Session]:
    with SessionLocal() as db:
        yield db


Db = Annotated[Session, Depends(get_db)]
app = FastAPI(title="The seed's design")


@app.post("/api/v1/payments/")
def initiate_payment(
    transaction: TransactionCreate, db: Db, idempotency_key: Annotated[str | None, Header()] = None
) -> TransactionRead:
    order = transaction.model_copy(update={"idempotency_key": idempotency_key or transaction.idempotency_key})
    if not order.idempotency_key:
        raise HTTPException(400, "an idempotency key is required")
    return initiate_payments([order], db)[0]


@app.post("/api/v1/payments/batch")
def initiate_batch(transactions: list[TransactionCreate], db: Db) -> list[TransactionRead]:
    if not all(each.idempotency_key for each in transactions):
        raise HTTPException(400, "every payment needs an idempotency key")
    return initiate_payments(transactions, db)


@app.get("/api/v1/payments/{transaction_id}/history")
def history(transaction_id: uuid.UUID, db: Db) -> dict[str, Any]:
    events = db.scalars(
        select(TransactionEvent)
        .where(TransactionEvent.transaction_id == transaction_id)
        .order_by(TransactionEvent.timestamp)
    )
    return {
        "transaction_id": transaction_id,
        "events": [
            {
                "event_type": each.event_type,
                "previous_status": each.previous_status,
                "new_status": each.new_status,
                "timestamp": each.timestamp,
                "metadata": each.details,
            }
            for each in events
        ],
    }


if __name__ == "__main__":
    Base.metadata.create_all(engine)
