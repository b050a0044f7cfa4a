"""A batch of payments: one pass to judge, one to send, one wait, one result an item in order."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Scope
from ingest_api.answers import JSON, prefers_async
from ingest_api.bodies import media_type, object_members, parse_array, parse_json, read_body
from ingest_api.idempotency import body_key
from ingest_api.parts import BATCH_BODY_BYTES_MAX, Parts
from ingest_api.payment_orders import PaymentAnswer, answer_of, payment_order, wait_of
from ingest_api.problems import Problem, problem_of
from ingest_api.references import check_references, payment_references
from ingest_api.refusals import BodyTooLarge, IdempotencyKeyMissing, MalformedBody
from payments.commands import InitiatePayment
from payments.refusals import FieldError, InvalidCommand, Refusal

ITEMS_MAX = 10_000
LINES_MAX = 2 * ITEMS_MAX + 2  # Items, and an empty line after each.
ITEMS_AT_ONCE = 250  # Then other requests have a turn: some 10 ms of work.
WAIT_S_PER_ITEM = 0.001  # A batch takes the pipeline longer than one payment; 10,000 may wait 10 s more.
NDJSON_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
MEDIA_TYPES = NDJSON_TYPES | {JSON}

Judged = InitiatePayment | Problem


def batch_routes(parts: Parts) -> list[Route]:
    return [Route("/api/v1/payments/batch", Batch(parts).create, methods=["POST"])]


class Batch:
    """Many payments in one request; each item stands for itself, and the whole may be sent again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        bytes_max = max(parts.config.max_body_bytes, BATCH_BODY_BYTES_MAX)
        data = await read_body(request, bytes_max=bytes_max, media_types=MEDIA_TYPES)
        if media_type(request) in NDJSON_TYPES:
            items = await _items_of_lines(data, line_bytes_max=parts.config.max_body_bytes)
        else:
            items = await _items(data)
        wait_s = 0.0 if prefers_async(request) else parts.config.outcome_wait_s + len(items) * WAIT_S_PER_ITEM
        with parts.outcomes.room(len(items) if wait_s else 0):
            judged = await self._judge(items, caller.tenant_id)
            orders = [item for item in judged if isinstance(item, InitiatePayment)]
            if orders:
                await parts.commands.send_all(orders, traceparent=request.headers.get("traceparent"))
            outcomes = await parts.outcomes.outcomes([wait_of(order) for order in orders], wait_s)
        results = []
        for item in judged:
            answer = item if isinstance(item, Problem) else answer_of(item, outcomes.get(item.command_id))
            results.append(_result(answer))
            if isinstance(item, InitiatePayment) and not isinstance(answer, Problem) and answer.status == 202:
                parts.accepted.remember(item)
        # ASCII: a problem may name a member whose name is no Unicode text.
        return Response(json.dumps({"results": results}, separators=(",", ":")).encode("ascii"), media_type=JSON)

    async def _judge(self, items: list[Any], tenant_id: str) -> list[Judged]:
        judged: list[Judged] = []
        now_us = self._parts.now_us()
        for begin in range(0, len(items), ITEMS_AT_ONCE):
            judged += [_order(item, tenant_id, now_us) for item in items[begin : begin + ITEMS_AT_ONCE]]
            await asyncio.sleep(0)
        named = {
            reference.entity_id
            for order in judged
            if isinstance(order, InitiatePayment)
            for reference in payment_references(order)
        }
        await self._parts.directory.learn(named)
        return [self._with_references(order, tenant_id) for order in judged]

    def _with_references(self, judged: Judged, tenant_id: str) -> Judged:
        if isinstance(judged, Problem):
            return judged
        try:
            check_references(self._parts.directory, tenant_id, payment_references(judged))
        except Refusal as refusal:
            return problem_of(refusal)
        return judged


async def _items(data: bytes) -> list[Any]:
    # Beside the event loop: 32 MiB of JSON would hold up everybody else.
    items = await asyncio.to_thread(parse_array, data, items_max=ITEMS_MAX)
    if items is None:
        raise MalformedBody("the body must be a JSON array of payments, or one payment a line (application/x-ndjson)")
    _require_few(len(items))
    return items


async def _items_of_lines(data: bytes, *, line_bytes_max: int) -> list[Any]:
    """Return the parsed lines; one that is too long or no JSON stands as its refusal."""
    # Counted first: 32 MiB of line breaks would be as many pieces.
    _require_few(0 if data.count(b"\n") <= LINES_MAX else LINES_MAX)
    texts = [line for line in data.split(b"\n") if line.strip()]
    _require_few(len(texts))
    items: list[Any] = []
    for begin in range(0, len(texts), ITEMS_AT_ONCE):
        items += [_parsed(text, line_bytes_max) for text in texts[begin : begin + ITEMS_AT_ONCE]]
        await asyncio.sleep(0)
    return items


def _require_few(count: int) -> None:
    if count > ITEMS_MAX:
        raise InvalidCommand((FieldError(field="payments", message=f"must be at most {ITEMS_MAX}"),))


def _parsed(text: bytes, bytes_max: int) -> Any:
    try:
        return parse_json(text) if len(text) <= bytes_max else BodyTooLarge(bytes_max)
    except MalformedBody as refusal:
        return refusal


def _order(item: Any, tenant_id: str, now_us: int) -> Judged:
    try:
        if isinstance(item, Refusal):
            raise item
        members = object_members(item)
        key = body_key(members)
        if key is None:
            raise IdempotencyKeyMissing
        return payment_order(members, key, tenant_id=tenant_id, now_us=now_us)
    except Refusal as refusal:
        return problem_of(refusal)


def _result(answer: PaymentAnswer | Problem) -> dict[str, Any]:
    if isinstance(answer, Problem):
        return {"status": answer.status, "problem": answer.document()}
    return {"status": answer.status, "payment": answer.payment}
