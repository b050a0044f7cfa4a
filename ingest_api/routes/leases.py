"""Leases: who rents what, when the rent is due, and what is paid of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Kind, Lease, Role, Scope
from ingest_api.answers import json_answer
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.creation import Creation, Creations, new_entity_id
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from ingest_api.references import Reference, require_references
from ingest_api.representations import coming_due, payment_schedule
from ingest_api.routes.entities import Entities, entity_routes
from payments.money import format_amount
from projections.queries import DueDateRow

PATH = "/api/v1/leases/"
DUE_DATES_DEFAULT = 12
DUE_DATES_MAX = 120
_MICROSECOND = 1_000_000


def lease_routes(parts: Parts) -> list[Route]:
    leases = Leases(parts)
    return [
        Route(PATH, leases.create, methods=["POST"]),
        *entity_routes(parts, PATH, Kind.LEASE),
        Route(PATH + "{entity_id}/schedule", leases.schedule, methods=["GET"]),
        Route(PATH + "{entity_id}/ledger", leases.ledger, methods=["GET"]),
    ]


class Leases:
    """A lease is between a property and a renter."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)
        self._entities = Entities(parts, Kind.LEASE)

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = parse_object(await read_body(request, bytes_max=parts.config.max_body_bytes))
        key = optional_key(request, members)
        lease = _lease(members)
        references = [
            Reference(field="property_id", entity_id=lease.property_id, kind=Kind.PROPERTY),
            Reference(field="renter_id", entity_id=lease.renter_id, kind=Kind.USER, role=Role.RENTER),
        ]
        await require_references(parts.directory, caller.tenant_id, references)
        end_date = lease.end_date.isoformat() if lease.end_date is not None else None
        return await self._creations.create(
            Creation(
                tenant_id=caller.tenant_id,
                kind=Kind.LEASE,
                entity_id=new_entity_id(caller.tenant_id, Kind.LEASE, key),
                entity=lease,
                body=[
                    lease.property_id, lease.renter_id, lease.rent_amount_minor, lease.due_day,
                    lease.start_date.isoformat(), end_date, lease.terms_json,
                ],
                idempotency_key=key,
                path=PATH,
            )
        )  # fmt: skip

    async def schedule(self, request: Request) -> Response:
        """Answer the coming due dates: from today on, or from `from`."""
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        row = await self._entities.find(caller.tenant_id, str(request.path_params["entity_id"]))
        query = QueryString(request)
        limit = query.limit(DUE_DATES_DEFAULT, DUE_DATES_MAX)
        from_us = query.moment_us("from")
        query.check()
        at_us = self._parts.now_us() if from_us is None else from_us
        not_before = datetime.fromtimestamp(at_us // _MICROSECOND, UTC).date()
        assert isinstance(row.entity, Lease)
        due = coming_due(row.entity, not_before=not_before, count=limit)
        return json_answer({"lease_id": row.entity_id, **payment_schedule(row.entity), "items": due})

    async def ledger(self, request: Request) -> Response:
        """Answer the due dates so far and the next one, newest first, with what is paid of each."""
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        lease_id = str(request.path_params["entity_id"]).lower()
        query = QueryString(request)
        limit, cursor = query.limit(), query.cursor()
        query.check()
        page = await self._parts.queries.lease_ledger(caller.tenant_id, lease_id, limit, cursor)
        if not page.items:
            # Nothing is due on it, or there is no such lease, or the views do not show it yet: it has to be found.
            await self._entities.find(caller.tenant_id, lease_id)
            page = await self._parts.queries.lease_ledger(caller.tenant_id, lease_id, limit, cursor)
        return json_answer({"items": [_due_date(row) for row in page.items], "next_cursor": page.next_cursor})


def _due_date(row: DueDateRow) -> dict[str, object]:
    return {
        "due_date": row.due_date.isoformat(),
        "due": format_amount(row.due_minor),
        "paid": format_amount(row.paid_minor),
        "late": row.late,
    }


def _lease(members: dict[str, object]) -> Lease:
    fields = Fields(members)
    fields.optional_text(FIELD)
    named: dict[str, Any] = {
        "property_id": fields.text("property_id"),
        "renter_id": fields.text("renter_id"),
        "rent_amount_minor": fields.amount("rent_amount"),
        "due_day": fields.whole_number("due_day"),
        "start_date": fields.day("start_date"),
        "end_date": fields.optional_day("end_date"),
    }
    terms_json = fields.others("terms")
    return fields.build(lambda: Lease(**named, terms_json=terms_json))
