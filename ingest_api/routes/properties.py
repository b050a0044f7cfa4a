"""Properties: what is let, and which landlord owns it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Kind, Property, Role, Scope
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.creation import Creation, Creations, new_entity_id
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.parts import Parts
from ingest_api.references import Reference, require_references
from ingest_api.routes.entities import entity_routes

PATH = "/api/v1/properties/"


def property_routes(parts: Parts) -> list[Route]:
    return [Route(PATH, Properties(parts).create, methods=["POST"]), *entity_routes(parts, PATH, Kind.PROPERTY)]


class Properties:
    """A property belongs to a landlord."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = parse_object(await read_body(request, bytes_max=parts.config.max_body_bytes))
        key = optional_key(request, members)
        let = _property(members)
        owner = Reference(field="owner_id", entity_id=let.owner_id, kind=Kind.USER, role=Role.LANDLORD)
        await require_references(parts.directory, caller.tenant_id, [owner])
        return await self._creations.create(
            Creation(
                tenant_id=caller.tenant_id,
                kind=Kind.PROPERTY,
                entity_id=new_entity_id(caller.tenant_id, Kind.PROPERTY, key),
                entity=let,
                body=[let.owner_id, let.address],
                idempotency_key=key,
                path=PATH,
            )
        )


def _property(members: dict[str, object]) -> Property:
    fields = Fields(members)
    fields.optional_text(FIELD)
    owner_id, address = fields.text("owner_id"), fields.text("address")
    fields.refuse_others()
    return fields.build(lambda: Property(owner_id=owner_id, address=address))
