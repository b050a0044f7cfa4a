"""Reading the directory: one thing by its id, or a page of one kind."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Kind, Scope
from ingest_api.answers import json_answer
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from ingest_api.refusals import NotFound, ViewsBehind
from ingest_api.representations import entity_now
from projections.queries import EntityRow

POLL_S = 0.02
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def entity_routes(parts: Parts, path: str, kind: Kind) -> list[Route]:
    """Return the two reading routes of one kind."""
    entities = Entities(parts, kind)
    return [
        Route(path, entities.list, methods=["GET"]),
        Route(path + "{entity_id}", entities.get, methods=["GET"]),
    ]


class Entities:
    """One kind of thing, as the views show it."""

    def __init__(self, parts: Parts, kind: Kind) -> None:
        self._parts = parts
        self._kind = kind

    async def get(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        row = await self.find(caller.tenant_id, str(request.path_params["entity_id"]))
        return json_answer(_body(row))

    async def list(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        limit, cursor = query.limit(), query.cursor()
        query.check()
        page = await self._parts.queries.entities(caller.tenant_id, self._kind, limit, cursor)
        return json_answer({"items": [_body(row) for row in page.items], "next_cursor": page.next_cursor})

    async def find(self, tenant_id: str, entity_id: str) -> EntityRow:
        """Return the tenant's entity, or raise NotFound or ViewsBehind, or LogUnreachable when it cannot be told which.

        What the log shows is waited for, within the bound of an outcome: the views come after it.
        """
        entity_id = entity_id.lower()
        if not _UUID.fullmatch(entity_id):
            raise NotFound(self._name)
        deadline = time.monotonic() + self._parts.config.outcome_wait_s
        has_asked = False
        while True:
            row = await self._parts.queries.entity(tenant_id, self._kind, entity_id)
            if row is not None:
                return row
            entry = self._parts.directory.get(entity_id)
            is_the_callers = entry is not None and (entry.tenant_id, entry.kind) == (tenant_id, self._kind)
            if not is_the_callers and has_asked:
                raise NotFound(self._name)
            if not is_the_callers:
                # Another process may have answered its 201 a moment ago; then the views are waited for.
                await self._parts.directory.learn([entity_id])
                has_asked = True
                continue
            if time.monotonic() > deadline:
                raise ViewsBehind(self._name)
            await asyncio.sleep(POLL_S)

    @property
    def _name(self) -> str:
        return self._kind.replace("_", " ")


def _body(row: EntityRow) -> dict[str, object]:
    return entity_now(
        row.entity_id, row.entity, tenant_id=row.tenant_id, state=row.state, created_at_us=row.created_at_us
    )
