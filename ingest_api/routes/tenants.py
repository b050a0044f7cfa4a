"""Tenants and their API keys: the operator's routes."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.changes import State
from directory.entities import ApiKey, Kind, Scope, Tenant, keyed_id, tenant_id_faults
from ingest_api.answers import json_answer
from ingest_api.auth import key_secret, new_key_text
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.changes import Changes
from ingest_api.creation import OPERATOR, Creation, Creations, new_entity_id
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.parts import Parts
from ingest_api.references import Reference, require_references
from ingest_api.refusals import NotFound

TENANTS_PATH = "/api/v1/tenants/"
KEYS_PATH = "/api/v1/api-keys/"
HINT_CHARACTERS = 4


def tenant_routes(parts: Parts) -> list[Route]:
    tenants = Tenants(parts)
    return [
        Route(TENANTS_PATH, tenants.create, methods=["POST"]),
        Route(KEYS_PATH, tenants.create_key, methods=["POST"]),
        Route(KEYS_PATH + "{key_id}", tenants.revoke_key, methods=["DELETE"]),
    ]


class Tenants:
    """Who may call. A key is shown to whoever creates it, once; the log has its hash, sealed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)
        self._changes = Changes(parts)

    async def create(self, request: Request) -> Response:
        members = await self._members(request)
        key = optional_key(request, members)
        fields = Fields(members)
        fields.optional_text(FIELD)
        tenant_id, name = fields.optional_text("id"), fields.optional_text("name")
        if tenant_id is None and name is None:
            fields.fault("name", "is required, or an id")
        if tenant_id is None:
            # A tenant's id is part of its payments' keys: without a wish, one that is never a name.
            seed = keyed_id(OPERATOR, Kind.TENANT, key) if key is not None else str(uuid.uuid4())
            tenant_id = f"t{uuid.UUID(seed).hex}"
        for error in tenant_id_faults("id", tenant_id):
            fields.fault(error.field, error.message)
        fields.refuse_others()
        tenant = fields.build(lambda: Tenant(name=name if name is not None else tenant_id))
        return await self._creations.create(
            Creation(
                tenant_id=tenant_id,
                kind=Kind.TENANT,
                entity_id=tenant_id,
                entity=tenant,
                body=[tenant_id, tenant.name],
                idempotency_key=key,
                taken_field="id",
            )
        )

    async def create_key(self, request: Request) -> Response:
        members = await self._members(request)
        key = optional_key(request, members)
        fields = Fields(members)
        fields.optional_text(FIELD)
        tenant_id = fields.text("tenant_id")
        name = fields.optional_text("name")
        scopes = fields.choices("scopes", Scope, default=(Scope.READ, Scope.WRITE))
        for error in tenant_id_faults("tenant_id", tenant_id):
            fields.fault(error.field, error.message)
        fields.refuse_others()
        entity_id = new_entity_id(OPERATOR, Kind.API_KEY, key)
        key_text = new_key_text(entity_id)
        hint = key_text[-HINT_CHARACTERS:]
        entity = fields.build(lambda: ApiKey(name=name if name is not None else "API key", scopes=scopes, hint=hint))
        tenant = Reference(field="tenant_id", entity_id=tenant_id, kind=Kind.TENANT)
        await require_references(self._parts.directory, tenant_id, [tenant])

        async def secret() -> bytes:
            return key_secret(key_text)

        creation = Creation(
            tenant_id=tenant_id,
            kind=Kind.API_KEY,
            entity_id=entity_id,
            entity=entity,
            body=[tenant_id, entity.name, list(scopes)],
            idempotency_key=key,
        )
        return await self._creations.create(creation, secret=secret, shown_once={"hint": hint, "key": key_text})

    async def revoke_key(self, request: Request) -> Response:
        """Revoke a key: twice changes nothing more. Every process refuses it as soon as it has read the log."""
        parts = self._parts
        parts.doorkeeper.require_admin(request)
        key_id = str(request.path_params["key_id"]).lower()
        await parts.directory.learn([key_id])
        entry = parts.directory.get(key_id)
        if entry is None or entry.kind is not Kind.API_KEY:
            raise NotFound("API key")
        done = await self._changes.revoke(entry, key_id)
        body = {"id": key_id, "tenant_id": entry.tenant_id, "status": (State.REVOKED if done else State.ACTIVE).value}
        return json_answer(body, status=200 if done else 202)

    async def _members(self, request: Request) -> dict[str, object]:
        self._parts.doorkeeper.require_admin(request)
        return parse_object(await read_body(request, bytes_max=self._parts.config.max_body_bytes))
