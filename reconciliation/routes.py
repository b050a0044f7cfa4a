"""The reconciler over HTTP, for the API and the command line. Nobody is asked who they are: keep it among yourselves.

POST /statements            ?tenant=&name=&whole=: a file as the body. 201, or 200 when it was taken before.
GET  /items                 ?tenant=&state=&after=&limit=: what was found.
POST /items/{id}/resolve    ?tenant=: {"resolution", "note", "resolved_by"}. 201, or 200 when it was said before.
GET  /health/live, /health/ready
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciliation.reconciler import AlreadyResolved, Failed, NoSuchItem, PaymentsNotKnown, Reconciler
from reconciliation.representations import import_now, item_now
from reconciliation.statement_desk import Wanted
from reconciliation.statements.faults import InvalidStatement
from schemas.reconciliation import ItemResolution, Resolution, Verdict

ITEMS_MAX = 500
ITEMS_DEFAULT = 50
PROOFS_SHOWN_MAX = 100
NOTE_CHARACTERS_MAX = 1000
NAME_CHARACTERS_MAX = 255
STATES = ("open", "resolved", *(verdict.value for verdict in Verdict))
# A rule's own word is not a person's.
RESOLUTIONS = (Resolution.ACCEPTED, Resolution.CORRECTED_BY_BANK)


class BadRequest(Exception):
    """What was asked breaks a rule; the message is for the caller."""


class WantedResolution(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of an item."""

    resolution: Resolution
    note: Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX)]
    resolved_by: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]


_resolution = msgspec.json.Decoder(WantedResolution)

STATUSES: Mapping[type[Exception], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NoSuchItem: HTTPStatus.NOT_FOUND,
    AlreadyResolved: HTTPStatus.CONFLICT,
    InvalidStatement: HTTPStatus.UNPROCESSABLE_ENTITY,
    PaymentsNotKnown: HTTPStatus.SERVICE_UNAVAILABLE,
    Failed: HTTPStatus.SERVICE_UNAVAILABLE,
}


def reconciler_routes(reconciler: Reconciler, spool_dir: Path, now_us: Callable[[], int]) -> list[Route]:
    desk = _Routes(reconciler, spool_dir, now_us)
    return [
        Route("/statements", desk.take, methods=["POST"]),
        Route("/items", desk.items, methods=["GET"]),
        Route("/items/{item_id}/resolve", desk.resolve, methods=["POST"]),
    ]


async def answer_refusal(_request: Request, refusal: Exception) -> Response:
    """Answer what was refused: the message, and where a file breaks which rule."""
    status = STATUSES[type(refusal)]
    body: dict[str, Any] = {"detail": str(refusal)}
    if isinstance(refusal, InvalidStatement):
        fault = refusal.fault
        body |= {"line": fault.line, "field": fault.field, "rule": fault.rule.value, "detail": fault.detail}
    return _json(body, status)


class _Routes:
    def __init__(self, reconciler: Reconciler, spool_dir: Path, now_us: Callable[[], int]) -> None:
        self._reconciler = reconciler
        self._spool_dir = spool_dir
        self._now_us = now_us

    async def take(self, request: Request) -> Response:
        query = request.query_params
        wanted = Wanted(
            name=query.get("name", "")[:NAME_CHARACTERS_MAX],
            tenant_id=query.get("tenant", ""),
            is_whole=query.get("whole", "yes") != "no",
        )
        with tempfile.TemporaryFile(dir=self._spool_dir) as file:
            async for part in request.stream():
                file.write(part)
            taken = await self._reconciler.take(cast(BinaryIO, file), wanted)
        proofs = await self._reconciler.proofs(taken.done.import_id, PROOFS_SHOWN_MAX)
        status = HTTPStatus.OK if taken.is_replay else HTTPStatus.CREATED
        return _json(import_now(taken.done, proofs), status)

    async def items(self, request: Request) -> Response:
        query = request.query_params
        state = query.get("state")
        if state is not None and state not in STATES:
            raise BadRequest(f"state: must be one of {', '.join(STATES)}")
        limit = _number(query.get("limit"), "limit", 1, ITEMS_MAX, ITEMS_DEFAULT)
        after = _number(query.get("after"), "after", 0, 2**62, 0)
        # The topic begins at 0, so a place is told as the number behind it.
        found = await self._reconciler.items(query.get("tenant", ""), state, after=after - 1, limit=limit + 1)
        page = found[:limit]
        is_more = len(found) > limit
        return _json({"items": [item_now(each) for each in page], "next": page[-1].number + 1 if is_more else None})

    async def resolve(self, request: Request) -> Response:
        try:
            said = _resolution.decode(await request.body())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest(str(error)) from None
        if said.resolution not in RESOLUTIONS:
            raise BadRequest(f"resolution: must be one of {', '.join(RESOLUTIONS)}")
        resolved = await self._reconciler.resolve(
            ItemResolution(
                finding_id=str(request.path_params["item_id"]),
                tenant_id=request.query_params.get("tenant", ""),
                resolution=said.resolution,
                note=said.note,
                resolved_by=said.resolved_by,
                resolved_at_us=self._now_us(),
            )
        )
        return _json(item_now(resolved.item), HTTPStatus.OK if resolved.is_replay else HTTPStatus.CREATED)


def _number(text: str | None, name: str, least: int, most: int, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or not least <= int(text) <= most:
        raise BadRequest(f"{name}: must be a whole number from {least} to {most}")
    return int(text)


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
