"""What the API asks the views, with a bound on every answer's time. Each method reads one tenant's rows only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, Literal, TypeVar
from uuid import UUID

from directory.changes import State
from directory.entities import Entity, Kind
from payments.fields import date_faults
from payments.idempotency import is_clean_text, payment_id
from payments.ledger import is_account
from payments.payment import Status
from projections.connections import Connections, Row, ViewsUnavailable
from projections.cursors import (
    MalformedCursor,
    read_cursor,
    read_names_cursor,
    write_cursor,
    write_names_cursor,
)
from projections.delivery_rows import DeliveryRow, delivery_row
from projections.ledger_rows import BalanceRow, DueDateRow, balance_row, due_date_row
from projections.log_times import moment, us_of
from projections.metric_queries import Bucket, MetricQueries
from projections.metric_rows import FailureRow, FreshnessRow, InFlightRow, SettleTimeRow, VolumeRow
from projections.named_sql import statement
from projections.payment_rows import (
    Outcome,
    PaymentHistory,
    PaymentRow,
    RejectionRow,
    outcome,
    payment_history,
    payment_row,
    rejection_row,
)
from projections.views.entities import entity_of
from schemas.deliveries import Outcome as DeliveryOutcome

__all__ = [
    "BalanceRow",
    "Bucket",
    "DeliveryRow",
    "DueDateRow",
    "EntityRow",
    "FailureRow",
    "FreshnessRow",
    "InFlightRow",
    "MalformedCursor",
    "MetricQueries",
    "Outcome",
    "Page",
    "PaymentFilters",
    "PaymentHistory",
    "PaymentRow",
    "Queries",
    "RejectionRow",
    "SettleTimeRow",
    "ViewsUnavailable",
    "VolumeRow",
    "Wait",
]

POOL_MAX = 8  # A few milliseconds a question: more connections would only make the server switch between them.
TIMEOUT_S = 2.0
PAGE_ITEMS_MAX = 1000

# An attempt, in a cursor: the payment's id, the sequence of the event, the attempt.
_DELIVERY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,9}):([0-9]{1,9})", re.ASCII)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRow:
    """An entity of the directory, as it is now."""

    entity_id: str
    tenant_id: str
    kind: Kind
    state: State
    created_by: str
    created_at_us: int
    updated_at_us: int
    entity: Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A command whose outcome somebody waits for."""

    payment_id: str
    command_id: str
    kind: Literal["initiate", "cancel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items in the order of their list; `next_cursor` reads on behind them and is None at the end."""

    items: tuple[Item, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilters:
    """Which payments a list holds; `from_us` is the first moment of initiation that counts, `to_us` the first after."""

    status: Status | None = None
    lease_id: str | None = None
    payer_account_id: str | None = None
    payment_rail_type: str | None = None
    idempotency_key: str | None = None
    from_us: int | None = None
    to_us: int | None = None


@dataclass(slots=True, kw_only=True)
class _Keyset:
    """The parts of a page's question that come from its limit and cursor."""

    limit: int
    parameters: dict[str, object] = field(default_factory=dict)


class Queries:
    """Answers from Postgres; every method raises ViewsUnavailable within `timeout_s` when there is none.

    Make it with `Queries.open` where an event loop runs; it connects when it is first asked, and again whenever the
    database comes back.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.metrics = MetricQueries(connections)

    @classmethod
    def open(cls, uri: str, *, pool_max: int = POOL_MAX, timeout_s: float = TIMEOUT_S) -> Queries:
        """Return at once, whatever the database's state."""
        return cls(Connections(uri, connections_max=pool_max, timeout_s=timeout_s))

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def ping(self) -> None:
        """Return when the database answers."""
        await self._connections.fetch(statement("ping"))

    async def outcomes(self, waits: Sequence[Wait]) -> dict[str, Outcome]:
        """Return what is known of each command, by its id, in one question; commands without an outcome are absent."""
        if not waits:
            return {}
        rows = await self._connections.fetch(
            statement("find_outcomes"),
            {
                "payment_ids": [wait.payment_id for wait in waits],
                "command_ids": [wait.command_id for wait in waits],
                "kinds": [wait.kind for wait in waits],
            },
        )
        return {row[0]: outcome(row) for row in rows}

    async def payment(self, tenant_id: str, payment_id: str) -> PaymentRow | None:
        """Return the tenant's payment, or None."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_payment"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        return payment_row(rows[0]) if rows else None

    async def rejection(self, tenant_id: str, payment_id: str) -> RejectionRow | None:
        """Return the newest refusal to create a payment that does not exist, or None."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_rejection"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        return rejection_row(rows[0]) if rows else None

    async def payments(
        self, tenant_id: str, filters: PaymentFilters, limit: int, cursor: str | None = None
    ) -> Page[PaymentRow]:
        """Return a page of the tenant's payments, newest first. Raises MalformedCursor."""
        keyset = _keyset(limit, cursor, ids_are_uuids=True)
        given = _filter_parameters(tenant_id, filters)
        if given is None:
            return Page(items=(), next_cursor=None)
        given |= keyset.parameters
        rows = await self._connections.fetch(
            statement("list_payments", frozenset(given)), {"tenant_id": tenant_id, "limit": keyset.limit + 1, **given}
        )
        return _page(
            [payment_row(row) for row in rows],
            keyset.limit,
            lambda last: write_cursor(last.head.initiated_at_us, last.payment_id),
        )

    async def history(self, tenant_id: str, payment_id: str) -> PaymentHistory | None:
        """Return the history of the tenant's payment, or None when there is no such payment."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_history"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        return payment_history(rows) if rows else None

    async def entity(self, tenant_id: str, kind: Kind, entity_id: str) -> EntityRow | None:
        """Return the tenant's entity, or None."""
        if not is_clean_text(entity_id):
            return None
        rows = await self._connections.fetch(
            statement("find_entity"), {"tenant_id": tenant_id, "kind": kind.value, "entity_id": entity_id}
        )
        return _entity_row(rows[0]) if rows else None

    async def entities(
        self, tenant_id: str, kind: Kind, limit: int, cursor: str | None = None, *, state: State | None = None
    ) -> Page[EntityRow]:
        """Return a page of the tenant's entities of one kind, newest first. Raises MalformedCursor."""
        keyset = _keyset(limit, cursor, ids_are_uuids=False)
        given = keyset.parameters | ({} if state is None else {"state": state.value})
        rows = await self._connections.fetch(
            statement("list_entities", frozenset(given)),
            {"tenant_id": tenant_id, "kind": kind.value, "limit": keyset.limit + 1, **given},
        )
        return _page(
            [_entity_row(row) for row in rows],
            keyset.limit,
            lambda last: write_cursor(last.created_at_us, last.entity_id),
        )

    async def lease_ledger(
        self, tenant_id: str, lease_id: str, limit: int, cursor: str | None = None
    ) -> Page[DueDateRow]:
        """Return a page of the due dates of the tenant's lease, newest first; empty when there is no such lease.

        Late is what is late by the clock of Postgres. Raises MalformedCursor.
        """
        limit = _bounded(limit)
        after = _after_due_date(lease_id, cursor)
        if not _is_uuid(lease_id):
            return Page(items=(), next_cursor=None)
        rows = await self._connections.fetch(
            statement("list_due_dates", frozenset(after)),
            {"tenant_id": tenant_id, "lease_id": lease_id, "limit": limit + 1, **after},
        )
        return _page(
            [due_date_row(row) for row in rows],
            limit,
            lambda last: write_names_cursor(last.due_date.isoformat(), lease_id),
        )

    async def balances(
        self, tenant_id: str, account: str | None, limit: int, cursor: str | None = None
    ) -> Page[BalanceRow]:
        """Return a page of the tenant's accounts, or the one `account`, by account. Raises MalformedCursor."""
        limit = _bounded(limit)
        given = _after_account(cursor)
        if account is not None:
            if not is_account(account):
                return Page(items=(), next_cursor=None)
            given["account"] = account
        rows = await self._connections.fetch(
            statement("list_balances", frozenset(given)), {"tenant_id": tenant_id, "limit": limit + 1, **given}
        )
        return _page(
            [balance_row(row) for row in rows],
            limit,
            lambda last: write_names_cursor(last.account, last.currency),
        )

    async def webhook_deliveries(
        self,
        tenant_id: str,
        endpoint_id: str,
        outcome: DeliveryOutcome | None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[DeliveryRow]:
        """Return a page of the attempts to deliver to the tenant's endpoint, newest first. Raises MalformedCursor."""
        limit = _bounded(limit)
        given = _after_delivery(cursor)
        if not _is_uuid(endpoint_id):
            return Page(items=(), next_cursor=None)
        if outcome is not None:
            given["outcome"] = outcome.value
        rows = await self._connections.fetch(
            statement("list_deliveries", frozenset(given)),
            {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "limit": limit + 1, **given},
        )
        return _page(
            [delivery_row(row) for row in rows],
            limit,
            lambda last: write_cursor(last.attempted_at_us, f"{last.message_id}:{last.attempt}"),
        )


def _bounded(limit: int) -> int:
    return max(1, min(limit, PAGE_ITEMS_MAX))


def _page(found: Sequence[Item], limit: int, cursor_of: Callable[[Item], str]) -> Page[Item]:
    """Return the page of what was found, which is an item more than it has where there are more."""
    items = tuple(found[:limit])
    return Page(items=items, next_cursor=cursor_of(items[-1]) if len(found) > limit else None)


def _keyset(limit: int, cursor: str | None, *, ids_are_uuids: bool) -> _Keyset:
    keyset = _Keyset(limit=_bounded(limit))
    if cursor is not None:
        at_us, last_id = read_cursor(cursor)
        if ids_are_uuids and not _is_uuid(last_id):
            raise MalformedCursor("must be a next_cursor of an earlier page of payments")
        keyset.parameters = {"cursor_at": moment(at_us), "cursor_id": last_id}
    return keyset


def _after_due_date(lease_id: str, cursor: str | None) -> dict[str, object]:
    if cursor is None:
        return {}
    due_date, of_lease = read_names_cursor(cursor)
    if of_lease != lease_id or date_faults("cursor", due_date):
        raise MalformedCursor("must be a next_cursor of an earlier page of this lease's ledger")
    return {"cursor_due_date": date.fromisoformat(due_date)}


def _after_delivery(cursor: str | None) -> dict[str, object]:
    if cursor is None:
        return {}
    at_us, place = read_cursor(cursor)
    parts = _DELIVERY.fullmatch(place)
    if parts is None:
        raise MalformedCursor("must be a next_cursor of an earlier page of deliveries")
    return {
        "cursor_at": moment(at_us),
        "cursor_payment": parts[1],
        "cursor_sequence": int(parts[2]),
        "cursor_attempt": int(parts[3]),
    }


def _after_account(cursor: str | None) -> dict[str, object]:
    if cursor is None:
        return {}
    account, currency = read_names_cursor(cursor)
    if not is_account(account):
        raise MalformedCursor("must be a next_cursor of an earlier page of balances")
    return {"cursor_account": account, "cursor_currency": currency}


def _filter_parameters(tenant_id: str, filters: PaymentFilters) -> dict[str, object] | None:
    """Return the filters that are given, by their names in the statement; None when nothing can match them."""
    given: dict[str, object] = {}
    if filters.idempotency_key is not None:
        if not is_clean_text(filters.idempotency_key):
            return None
        # The key names the payment: its id is the index.
        given["payment_id"] = payment_id(tenant_id, filters.idempotency_key)
    for name, account_or_lease in (("lease_id", filters.lease_id), ("payer_account_id", filters.payer_account_id)):
        if account_or_lease is not None:
            if not _is_uuid(account_or_lease):
                return None
            given[name] = account_or_lease
    if filters.status is not None:
        given["status"] = filters.status.value
    if filters.payment_rail_type is not None:
        given["payment_rail_type"] = str(filters.payment_rail_type)
    if filters.from_us is not None:
        given["from"] = moment(filters.from_us)
    if filters.to_us is not None:
        given["to"] = moment(filters.to_us)
    return given


def _entity_row(row: Row) -> EntityRow:
    entity_id, tenant_id, kind, state, created_by, created_at, updated_at, values = row
    return EntityRow(
        entity_id=entity_id,
        tenant_id=tenant_id,
        kind=Kind(kind),
        state=State(state),
        created_by=created_by,
        created_at_us=us_of(created_at),
        updated_at_us=us_of(updated_at),
        entity=entity_of(Kind(kind), values),
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
