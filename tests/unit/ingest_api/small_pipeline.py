"""The API on a pipeline in memory: its ports are faked, what decides is real. Kafka and Postgres can be taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx
from confluent_kafka import Message

from directory.changes import Changed, DirectoryCommand, DirectoryRecord, DirectorySecret, State, change
from directory.entities import Kind
from directory.sealing import Keyring
from ingest_api.accepted import AcceptedPayments
from ingest_api.app import ApiConfig, app_with
from ingest_api.auth import Doorkeeper
from ingest_api.commands import Command, CommandLog
from ingest_api.known_directory import Apply, KnownDirectory
from ingest_api.outcome import OutcomeWait
from ingest_api.parts import Parts
from ingest_api.passwords import PasswordHashing
from ingest_api.reconciler_line import ReconcilerLine
from ingest_api.refusals import LogUnreachable
from payments.commands import CancelPayment, InitiatePayment, Order, RefundPayment
from payments.decision import Moved, Refused
from payments.lifecycle import decide
from payments.payment import Payment
from projections.queries import (
    BalanceRow,
    DeliveryRow,
    DueDateRow,
    EntityRow,
    MalformedCursor,
    Outcome,
    Page,
    PaymentFilters,
    PaymentHistory,
    PaymentRow,
    Queries,
    RejectionRow,
    ViewsUnavailable,
    Wait,
)
from schemas.codec import decode, encode
from schemas.deliveries import Outcome as DeliveryOutcome
from schemas.deliveries import WebhookReplay
from tests.unit.ingest_api.small_metrics import SmallMetrics

Item = TypeVar("Item")

ADMIN_KEY = "the-operators-key"
KEYRING = Keyring({"k1": b"k" * 32})
NOW_US = 1_790_000_000_000_000


class _Record:
    """As much of a Kafka message as the directory reads."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


@dataclass
class SmallPipeline:
    """Commands in, outcomes out, at once; `decides` is off when the stream app is down."""

    kafka_answers: bool = True
    views_answer: bool = True
    decides: bool = True
    ready: bool = True
    failed: BaseException | None = None
    reads: bool = True  # Off: this process reads the directory only when it catches up.
    views_behind: int = 0  # So many questions for an entity find nothing yet.
    acknowledges: asyncio.Event | None = None  # Commands are acknowledged once it is set; None: at once.
    sent: list[Command] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    barriers: int = 0
    payments: dict[str, Payment] = field(default_factory=dict)
    refusals: dict[str, RejectionRow] = field(default_factory=dict)
    entities: dict[str, DirectoryRecord] = field(default_factory=dict)
    ledgers: dict[tuple[str, str], list[DueDateRow]] = field(default_factory=dict)
    balances: dict[str, list[BalanceRow]] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], list[DeliveryRow]] = field(default_factory=dict)
    replays: list[WebhookReplay] = field(default_factory=list)
    waiting: list[Command] = field(default_factory=list)
    unread: list[DirectoryRecord | DirectorySecret] = field(default_factory=list)

    # What the API needs of a fold.
    def fold_into(self, apply: Apply) -> SmallPipeline:
        self.apply = apply
        return self

    def start(self) -> None: ...

    def stop(self) -> None: ...

    @property
    def progress(self) -> int:
        return 0

    def catch_up(self, timeout_s: float) -> bool:
        self.barriers += 1
        if self.kafka_answers:
            self._read()
        return self.kafka_answers

    # What it needs of the command log.
    async def send(self, command: Command, *, traceparent: str | None = None) -> None:
        await self.send_all([command], traceparent=traceparent)

    async def send_all(self, commands: Sequence[Command], *, traceparent: str | None = None) -> None:
        if not self.kafka_answers:
            raise LogUnreachable
        self.sent += commands
        if self.acknowledges is not None:
            await self.acknowledges.wait()
        self.waiting += commands
        if self.decides:
            self.decide_all()

    def close(self) -> None: ...

    def decide_all(self) -> None:
        for sent in self.waiting:
            # As it arrives: what the wire refuses is found here as well.
            command = decode(encode(sent))
            if isinstance(command, DirectoryCommand):
                self._change(command)
            elif isinstance(command, WebhookReplay):
                self.replays.append(command)
            else:
                assert isinstance(command, InitiatePayment | CancelPayment | RefundPayment)
                self.move(command)
        self.waiting.clear()

    def move(self, command: Order) -> None:
        decision = decide(command, self.payments.get(command.payment_id))
        if isinstance(decision, Moved):
            self.payments[command.payment_id] = decision.payment
            for order in decision.orders:
                self.move(order)
        elif isinstance(decision, Refused):
            self.refusals[command.id] = RejectionRow(
                command_id=command.id,
                tenant_id=command.tenant_id,
                payment_id=command.refund_id if isinstance(command, RefundPayment) else command.payment_id,
                reason=decision.refusal.code,
                detail=decision.refusal.detail,
                errors=decision.refusal.errors,
                rejected_at_us=NOW_US,
            )

    def _change(self, command: DirectoryCommand) -> None:
        changed = change(command, self.entities.get(command.entity_id))
        if isinstance(changed, Changed):
            self.entities[command.entity_id] = changed.record
            self.unread += [value for value in (changed.secret, changed.record) if value is not None]
            if self.reads:
                self._read()

    def _read(self) -> None:
        while self.unread:
            self.apply("topic", cast(Message, _Record(encode(self.unread.pop(0)))))


class SmallViews:
    """What the API needs of the views, straight from what was decided."""

    def __init__(self, pipeline: SmallPipeline) -> None:
        self._pipeline = pipeline
        self.metrics = SmallMetrics(pipeline.payments, lambda: pipeline.views_answer)

    async def outcomes(self, waits: Sequence[Wait]) -> dict[str, Outcome]:
        self._require_views()
        self._pipeline.asked.append(len(waits))
        found = {}
        for wait in waits:
            payment, refusal = (
                self._pipeline.payments.get(wait.payment_id),
                self._pipeline.refusals.get(wait.command_id),
            )
            if payment is not None and wait.kind == "cancel" and not payment.has_heard(wait.command_id):
                payment = None
            if payment is not None or refusal is not None:
                row = _row(payment) if payment is not None else None
                found[wait.command_id] = Outcome(payment=row, rejection=refusal)
        return found

    async def payment(self, tenant_id: str, payment_id: str) -> PaymentRow | None:
        self._require_views()
        payment = self._pipeline.payments.get(payment_id)
        return _row(payment) if payment is not None and payment.head.tenant_id == tenant_id else None

    async def payments(
        self, tenant_id: str, filters: PaymentFilters, limit: int, cursor: str | None = None
    ) -> Page[PaymentRow]:
        self._require_views()
        assert filters == PaymentFilters(), "filters are for Postgres"
        found = [_row(it) for it in self._pipeline.payments.values() if it.head.tenant_id == tenant_id]
        return _page(found, limit, cursor)

    async def rejection(self, tenant_id: str, payment_id: str) -> RejectionRow | None:
        self._require_views()
        of_payment = [
            r for r in self._pipeline.refusals.values() if (r.tenant_id, r.payment_id) == (tenant_id, payment_id)
        ]
        return of_payment[-1] if of_payment else None

    async def history(self, tenant_id: str, payment_id: str) -> PaymentHistory | None:
        self._require_views()
        payment = self._pipeline.payments.get(payment_id)
        if payment is None or payment.head.tenant_id != tenant_id:
            return None
        return PaymentHistory(head=payment.head, transitions=payment.transitions)

    async def entities(
        self, tenant_id: str, kind: Kind, limit: int, cursor: str | None = None, *, state: State | None = None
    ) -> Page[EntityRow]:
        self._require_views()
        rows = [
            _entity_row(record)
            for record in self._pipeline.entities.values()
            if (record.tenant_id, record.kind) == (tenant_id, kind) and state in (None, record.state)
        ]
        return _page(rows[::-1], limit, cursor)

    async def webhook_deliveries(
        self,
        tenant_id: str,
        endpoint_id: str,
        outcome: DeliveryOutcome | None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[DeliveryRow]:
        self._require_views()
        rows = self._pipeline.deliveries.get((tenant_id, endpoint_id), [])
        return _page([row for row in rows if outcome in (None, row.outcome)], limit, cursor)

    async def entity(self, tenant_id: str, kind: Kind, entity_id: str) -> EntityRow | None:
        self._require_views()
        if self._pipeline.views_behind:
            self._pipeline.views_behind -= 1
            return None
        record = self._pipeline.entities.get(entity_id)
        if record is None or (record.tenant_id, record.kind) != (tenant_id, kind):
            return None
        return _entity_row(record)

    async def lease_ledger(
        self, tenant_id: str, lease_id: str, limit: int, cursor: str | None = None
    ) -> Page[DueDateRow]:
        self._require_views()
        if self._pipeline.views_behind:
            return Page(items=(), next_cursor=None)
        return _page(self._pipeline.ledgers.get((tenant_id, lease_id), []), limit, cursor)

    async def balances(
        self, tenant_id: str, account: str | None, limit: int, cursor: str | None = None
    ) -> Page[BalanceRow]:
        self._require_views()
        rows = self._pipeline.balances.get(tenant_id, [])
        return _page([row for row in rows if account in (None, row.account)], limit, cursor)

    async def close(self) -> None: ...

    async def ping(self) -> None:
        self._require_views()

    def _require_views(self) -> None:
        if not self._pipeline.views_answer:
            raise ViewsUnavailable("stopped")


def _page(rows: Sequence[Item], limit: int, cursor: str | None) -> Page[Item]:
    """Return a page; a cursor is the number of the items before it."""
    if cursor is not None and not cursor.isdecimal():
        raise MalformedCursor
    begin = int(cursor or 0)
    end = begin + limit
    return Page(items=tuple(rows[begin:end]), next_cursor=str(end) if end < len(rows) else None)


def _entity_row(record: DirectoryRecord) -> EntityRow:
    return EntityRow(
        entity_id=record.entity_id, tenant_id=record.tenant_id, kind=record.kind, state=record.state,
        created_by=record.created_by, created_at_us=record.created_at_us, updated_at_us=record.updated_at_us,
        entity=record.entity,
    )  # fmt: skip


def _row(payment: Payment) -> PaymentRow:
    return PaymentRow(
        payment_id=payment.payment_id, head=payment.head, status=payment.status, updated_at_us=payment.updated_at_us,
        completed_at_us=payment.completed_at_us, failure=payment.failure, refunded_minor=payment.refunded_minor,
        created_by=payment.created_by,
    )  # fmt: skip


@dataclass
class Caller:
    """A tenant with everything that a payment needs, talking to the API."""

    http: httpx.AsyncClient
    pipeline: SmallPipeline
    parts: Parts
    body: dict[str, Any]

    async def until_waiting(self, count: int) -> None:
        """Return when so many requests wait for an outcome."""
        while len(self.parts.outcomes._requests) < count:  # noqa: ASYNC110  Nobody else needs to be told.
            await asyncio.sleep(0.001)

    async def pay(self, key: str = "rent-1", **changes: Any) -> httpx.Response:
        return await self.http.post("/api/v1/payments/", json=self.body | {"idempotency_key": key} | changes)


def parts_on(pipeline: SmallPipeline, reconciler: ReconcilerLine | None = None, **settings: Any) -> Parts:
    directory = KnownDirectory(pipeline.fold_into)
    config = ApiConfig(
        bootstrap="nowhere:1", postgres="", partitions=8, host="127.0.0.1", port=0, reuse_port=False,
        admin_key=ADMIN_KEY, keyring=KEYRING, **({"outcome_wait_s": 0.2} | settings),
    )  # fmt: skip
    queries = cast(Queries, SmallViews(pipeline))
    return Parts(
        config=config,
        directory=directory,
        doorkeeper=Doorkeeper(directory, KEYRING, ADMIN_KEY),
        commands=cast(CommandLog, pipeline),
        outcomes=OutcomeWait(queries),
        queries=queries,
        passwords=PasswordHashing(),
        accepted=AcceptedPayments(),
        reconciler=reconciler or ReconcilerLine("http://reconciler.invalid"),
        now_us=lambda: NOW_US,
    )


def with_caller(story: Callable[[Caller], Awaitable[None]], **settings: Any) -> None:
    """Run a story of one furnished tenant against the API, in memory."""

    async def run() -> None:
        pipeline = SmallPipeline()
        parts = parts_on(pipeline, **settings)
        app = app_with(parts)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http,
        ):
            await story(Caller(http, pipeline, parts, await _furnished(http)))

    asyncio.run(run())


async def _furnished(http: httpx.AsyncClient) -> dict[str, Any]:
    http.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
    await _made(http, "tenants", id="acme")
    key = (await _made(http, "api-keys", tenant_id="acme"))["key"]
    http.headers["Authorization"] = f"Bearer {key}"
    alice = await _made(http, "users", email="alice@landlord.com", password="x", role="landlord")
    bob = await _made(http, "users", email="bob@renter.com", password="x", role="renter")
    accounts = [
        await _made(
            http, "bank-accounts", user_id=user["id"], account_holder_name="H", routing_number="121042882",
            account_number="98765432", account_type="checking",
        )
        for user in (bob, alice)
    ]  # fmt: skip
    home = await _made(http, "properties", owner_id=alice["id"], address="123 Oak Street")
    lease = await _made(
        http,
        "leases",
        property_id=home["id"],
        renter_id=bob["id"],
        rent_amount=1500,
        due_day=1,
        start_date="2025-02-15",
    )
    return {
        "lease_id": lease["id"],
        "payer_account_id": accounts[0]["id"],
        "payee_account_id": accounts[1]["id"],
        "amount": "1500.00",
        "payment_rail_type": "standard_ach",
    }


async def _made(http: httpx.AsyncClient, things: str, **body: Any) -> dict[str, Any]:
    answer = await http.post(f"/api/v1/{things}/", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
