"""Bank statements in, and what was found in them out: through the reconciler, which compares and writes."""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Scope
from ingest_api.answers import json_answer
from ingest_api.bodies import Fields, parse_object, read_body, read_bytes
from ingest_api.listing import QueryString
from ingest_api.parts import BATCH_BODY_BYTES_MAX, Parts
from ingest_api.reconciler_line import StillComparing
from ingest_api.refusals import MalformedBody, MalformedCursor, NotFound
from payments.fields import text_faults
from schemas.reconciliation import Resolution, Verdict, import_id_of

STATEMENTS_PATH = "/api/v1/reconciliation/statements"
ITEMS_PATH = "/api/v1/reconciliation/items"
# A day's file of ten thousand bookings is compared in a few seconds; a payment is decided in milliseconds.
COMPARE_WAIT_S_MAX = 20.0
STATES = ("open", "resolved", *(verdict.value for verdict in Verdict))
PERSONS_RESOLUTIONS = (Resolution.ACCEPTED.value, Resolution.CORRECTED_BY_BANK.value)
NOTE_CHARACTERS_MAX = 1000
_CURSOR = re.compile(r"[0-9]{1,18}", re.ASCII)
_ITEM_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def reconciliation_routes(parts: Parts) -> list[Route]:
    desk = Reconciliation(parts)
    return [
        Route(STATEMENTS_PATH, desk.take, methods=["POST"]),
        Route(ITEMS_PATH, desk.items, methods=["GET"]),
        Route(ITEMS_PATH + "/{item_id}/resolve", desk.resolve, methods=["POST"]),
    ]


class Reconciliation:
    """A tenant's statements are compared with the tenant's payments, the operator's with everybody's."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.tenant_or_operator(request, Scope.WRITE)
        query = QueryString(request)
        is_whole = query.choice("whole", ("yes", "no")) != "no"
        name = query.text("name") or ""
        query.check()
        data = await read_bytes(request, bytes_max=BATCH_BODY_BYTES_MAX)
        if not data:
            raise MalformedBody("the body must be a bank statement: camt.053, BAI2 or the CSV table")
        try:
            answer = await self._parts.reconciler.take(
                data, tenant_id=caller.tenant_id, name=name, is_whole=is_whole, wait_s=COMPARE_WAIT_S_MAX
            )
        except StillComparing:
            import_id = import_id_of(caller.tenant_id, hashlib.sha256(data).digest(), is_whole=is_whole)
            return json_answer({"id": import_id}, status=202)
        return json_answer(answer.body, status=answer.status, replayed=answer.status == 200)

    async def items(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.tenant_or_operator(request, Scope.READ)
        query = QueryString(request)
        state, limit, cursor = query.choice("state", STATES), query.limit(), query.cursor()
        query.check()
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise MalformedCursor
        answer = await self._parts.reconciler.items(caller.tenant_id, state, after=int(cursor or 0), limit=limit)
        following = answer.body["next"]
        next_cursor = None if following is None else str(following)
        return json_answer({"items": answer.body["items"], "next_cursor": next_cursor})

    async def resolve(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.tenant_or_operator(request, Scope.WRITE)
        item_id = str(request.path_params["item_id"])
        if not _ITEM_ID.fullmatch(item_id):
            raise NotFound("item")
        fields = Fields(parse_object(await read_body(request, bytes_max=self._parts.config.max_body_bytes)))
        resolution, note = fields.text("resolution"), fields.text("note")
        if resolution not in PERSONS_RESOLUTIONS:
            fields.fault("resolution", f"must be one of {', '.join(PERSONS_RESOLUTIONS)}")
        for error in text_faults("note", note, NOTE_CHARACTERS_MAX):
            fields.fault(error.field, error.message)
        fields.refuse_others()
        fields.check()
        said = {"resolution": resolution, "note": note, "resolved_by": caller.key_id}
        answer = await self._parts.reconciler.resolve(caller.tenant_id, item_id, said)
        return json_answer(answer.body, replayed=answer.status == 200)
