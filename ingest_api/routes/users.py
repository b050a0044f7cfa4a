"""Users: landlords and renters. A password goes in once and never comes back, not even as a hash."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Kind, Role, Scope, User, user_id
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.creation import Creation, Creations
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.parts import Parts
from ingest_api.passwords import PASSWORD_CHARACTERS_MAX
from ingest_api.routes.entities import entity_routes
from payments.idempotency import is_clean_text

PATH = "/api/v1/users/"


def user_routes(parts: Parts) -> list[Route]:
    return [Route(PATH, Users(parts).create, methods=["POST"]), *entity_routes(parts, PATH, Kind.USER)]


class Users:
    """An e-mail has one user in a tenant."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = parse_object(await read_body(request, bytes_max=parts.config.max_body_bytes))
        key = optional_key(request, members)
        user, password = _user(members)
        creation = Creation(
            tenant_id=caller.tenant_id,
            kind=Kind.USER,
            entity_id=user_id(caller.tenant_id, user.email),
            entity=user,
            body=[user.email, user.role, user.name, password],
            idempotency_key=key,
            path=PATH,
            taken_field="email",
        )

        async def secret() -> bytes:
            return json.dumps({"password_hash": await parts.passwords.hash(password)}).encode()

        return await self._creations.create(creation, secret=secret)


def _user(members: dict[str, object]) -> tuple[User, str]:
    fields = Fields(members)
    fields.optional_text(FIELD)
    email, role, name = fields.text("email"), fields.choice("role", Role), fields.optional_text("name")
    password = fields.text("password")
    if not 0 < len(password) <= PASSWORD_CHARACTERS_MAX or not is_clean_text(password):
        fields.fault("password", f"must be 1 to {PASSWORD_CHARACTERS_MAX} characters of text")
    fields.refuse_others()
    return fields.build(lambda: User(email=email, role=role, name=name)), password
