"""What the API asks the views, with a bound on every answer's time. Each method reads one tenant's rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, TypeVar
from uuid import UUID

from directory.changes import State
from directory.entities import Entity, Kind
from payments.idempotency import is_clean_text, payment_id
from payments.payment import EventType, Failure, Head, Status, Transition, event_metadata
from payments.rails import Rail
from payments.refusals import FieldError
from projections.connections import Connections, Row, ViewsUnavailable
from projections.cursors import MalformedCursor, read_cursor, write_cursor
from projections.named_sql import statement
from projections.views.entities import entity_of

__all__ = [
    "EntityRow",
    "EventRow",
    "MalformedCursor",
    "Outcome",
    "Page",
    "PaymentFilters",
    "PaymentRow",
    "Queries",
    "RejectionRow",
    "ViewsUnavailable",
    "Wait",
]

POOL_MAX = 8  # A few milliseconds a question: more connections would only make the server switch between them.
TIMEOUT_S = 2.0
PAGE_ITEMS_MAX = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PAYMENT_COLUMNS = 26
_EVENT_COLUMNS = 8

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """A payment as the views have it: what was asked for, and where it stands."""

    payment_id: str
    head: Head
    status: Status
    updated_at_us: int
    completed_at_us: int | None
    failure: Failure | None
    refunded_minor: int
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One transition of a payment's history; `metadata` holds its terms as they were then."""

    sequence: int
    event_type: EventType
    previous_status: Status | None
    new_status: Status
    occurred_at_us: int
    metadata: Mapping[str, str]
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionRow:
    """A command that was refused, and why."""

    command_id: str | None
    tenant_id: str | None
    payment_id: str | None
    reason: str
    detail: str
    errors: tuple[FieldError, ...]
    rejected_at_us: int


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
class Outcome:
    """What is known of a command: the payment that shows its effect, its refusal, or both (an earlier refusal)."""

    payment: PaymentRow | None
    rejection: RejectionRow | None

    def __post_init__(self) -> None:
        assert self.payment is not None or self.rejection is not None, "nothing is no outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items, newest first; `next_cursor` reads on behind them and is None at the end."""

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
        return {row[0]: _outcome(row) for row in rows}

    async def payment(self, tenant_id: str, payment_id: str) -> PaymentRow | None:
        """Return the tenant's payment, or None."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_payment"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        return _payment_row(rows[0]) if rows else None

    async def rejection(self, tenant_id: str, payment_id: str) -> RejectionRow | None:
        """Return the newest refusal to create a payment that does not exist, or None."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_rejection"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        return _rejection_row(rows[0]) if rows else None

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
        found = [_payment_row(row) for row in rows]
        last = found[keyset.limit - 1] if len(found) > keyset.limit else None
        next_cursor = write_cursor(last.head.initiated_at_us, last.payment_id) if last is not None else None
        return Page(items=tuple(found[: keyset.limit]), next_cursor=next_cursor)

    async def history(self, tenant_id: str, payment_id: str) -> list[EventRow] | None:
        """Return the transitions of the tenant's payment, oldest first, or None when there is no such payment."""
        if not _is_uuid(payment_id):
            return None
        rows = await self._connections.fetch(
            statement("find_history"), {"tenant_id": tenant_id, "payment_id": payment_id}
        )
        if not rows:
            return None
        head = _payment_row(rows[0][_EVENT_COLUMNS:]).head
        return [_event_row(head, row[:_EVENT_COLUMNS]) for row in rows]

    async def entity(self, tenant_id: str, kind: Kind, entity_id: str) -> EntityRow | None:
        """Return the tenant's entity, or None."""
        if not is_clean_text(entity_id):
            return None
        rows = await self._connections.fetch(
            statement("find_entity"), {"tenant_id": tenant_id, "kind": kind.value, "entity_id": entity_id}
        )
        return _entity_row(rows[0]) if rows else None

    async def entities(self, tenant_id: str, kind: Kind, limit: int, cursor: str | None = None) -> Page[EntityRow]:
        """Return a page of the tenant's entities of one kind, newest first. Raises MalformedCursor."""
        keyset = _keyset(limit, cursor, ids_are_uuids=False)
        rows = await self._connections.fetch(
            statement("list_entities", frozenset(keyset.parameters)),
            {"tenant_id": tenant_id, "kind": kind.value, "limit": keyset.limit + 1, **keyset.parameters},
        )
        found = [_entity_row(row) for row in rows]
        last = found[keyset.limit - 1] if len(found) > keyset.limit else None
        next_cursor = write_cursor(last.created_at_us, last.entity_id) if last is not None else None
        return Page(items=tuple(found[: keyset.limit]), next_cursor=next_cursor)


def _keyset(limit: int, cursor: str | None, *, ids_are_uuids: bool) -> _Keyset:
    keyset = _Keyset(limit=max(1, min(limit, PAGE_ITEMS_MAX)))
    if cursor is not None:
        at_us, last_id = read_cursor(cursor)
        if ids_are_uuids and not _is_uuid(last_id):
            raise MalformedCursor("must be a next_cursor of an earlier page of payments")
        keyset.parameters = {"cursor_at": _EPOCH + at_us * _MICROSECOND, "cursor_id": last_id}
    return keyset


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
        given["from"] = _EPOCH + filters.from_us * _MICROSECOND
    if filters.to_us is not None:
        given["to"] = _EPOCH + filters.to_us * _MICROSECOND
    return given


def _outcome(row: Row) -> Outcome:
    _, is_done, is_refused, *rest = row
    return Outcome(
        payment=_payment_row(tuple(rest[:_PAYMENT_COLUMNS])) if is_done else None,
        rejection=_rejection_row(tuple(rest[_PAYMENT_COLUMNS:])) if is_refused else None,
    )


def _payment_row(row: Row) -> PaymentRow:
    (
        payment_id, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id, payer_account_id,
        payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json, effective_date,
        refund_of, initiated_at, due_at, expected_settlement_at, created_by, status, failure_code, failure_reason,
        failure_source, refunded_minor, updated_at, completed_at,
    ) = row  # fmt: skip
    head = Head(
        tenant_id=tenant_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        fingerprint_version=fingerprint_version,
        lease_id=lease_id,
        payer_account_id=payer_account_id,
        payee_account_id=payee_account_id,
        amount_minor=amount_minor,
        currency=currency,
        payment_rail_type=Rail(payment_rail_type),
        description=description,
        metadata_json=metadata_json,
        effective_date=effective_date,
        refund_of=refund_of,
        initiated_at_us=_us(initiated_at),
        due_at_us=_us(due_at),
        expected_settlement_at_us=_us(expected_settlement_at),
    )
    failure = None
    if failure_code is not None:
        failure = Failure(code=failure_code, reason=failure_reason, source=failure_source)
    return PaymentRow(
        payment_id=payment_id,
        head=head,
        status=Status(status),
        updated_at_us=_us(updated_at),
        completed_at_us=_us(completed_at) if completed_at is not None else None,
        failure=failure,
        refunded_minor=refunded_minor,
        created_by=created_by,
    )


def _event_row(head: Head, row: Row) -> EventRow:
    sequence, event_type, previous_status, new_status, occurred_at, caused_by, changes, digest = row
    transition = Transition(
        sequence=sequence,
        event_type=EventType(event_type),
        previous_status=Status(previous_status) if previous_status is not None else None,
        new_status=Status(new_status),
        occurred_at_us=_us(occurred_at),
        caused_by=caused_by,
        changes=changes,
        hash=digest,
    )
    return EventRow(
        sequence=sequence,
        event_type=transition.event_type,
        previous_status=transition.previous_status,
        new_status=transition.new_status,
        occurred_at_us=transition.occurred_at_us,
        metadata=event_metadata(head, transition),
        hash=digest,
    )


def _rejection_row(row: Row) -> RejectionRow:
    command_id, tenant_id, payment_id, reason, detail, errors, rejected_at = row
    return RejectionRow(
        command_id=command_id,
        tenant_id=tenant_id,
        payment_id=payment_id,
        reason=reason,
        detail=detail,
        errors=tuple(FieldError(field=error["field"], message=error["message"]) for error in errors),
        rejected_at_us=_us(rejected_at),
    )


def _entity_row(row: Row) -> EntityRow:
    entity_id, tenant_id, kind, state, created_by, created_at, updated_at, values = row
    return EntityRow(
        entity_id=entity_id,
        tenant_id=tenant_id,
        kind=Kind(kind),
        state=State(state),
        created_by=created_by,
        created_at_us=_us(created_at),
        updated_at_us=_us(updated_at),
        entity=entity_of(Kind(kind), values),
    )


def _us(at: datetime) -> int:
    """Return a time of Postgres as the log has it; both count whole microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
