"""What was delivered to a webhook endpoint, attempt by attempt, and asking for it again."""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Kind, Scope, keyed_id
from ingest_api.answers import json_answer
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.changes import not_found, own_entry
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from payments.idempotency import canonical_json
from payments.timestamps import rfc3339
from projections.queries import DeliveryRow
from schemas.deliveries import OUTCOMES, Outcome, WebhookReplay

_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[1-9][0-9]{0,5}", re.ASCII)


def webhook_delivery_routes(parts: Parts, endpoint_path: str) -> list[Route]:
    """Return the routes of one endpoint's deliveries."""
    deliveries = WebhookDeliveries(parts)
    return [
        Route(endpoint_path + "/deliveries", deliveries.list, methods=["GET"]),
        Route(endpoint_path + "/replay", deliveries.replay, methods=["POST"]),
    ]


class WebhookDeliveries:
    """The delivery log of the tenant's endpoints, as the views show it: 30 days of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, request: Request) -> Response:
        """Answer the attempts, newest first."""
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        endpoint_id = await self._endpoint_id(request, caller.tenant_id)
        query = QueryString(request)
        outcome = query.choice("outcome", OUTCOMES)
        limit, cursor = query.limit(), query.cursor()
        query.check()
        wanted = None if outcome is None else Outcome(outcome)
        page = await self._parts.queries.webhook_deliveries(caller.tenant_id, endpoint_id, wanted, limit, cursor)
        return json_answer({"items": [_body(row) for row in page.items], "next_cursor": page.next_cursor})

    async def replay(self, request: Request) -> Response:
        """Order what was delivered, or should have been, to be delivered again."""
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        data = await read_body(request, bytes_max=parts.config.max_body_bytes)
        members = parse_object(data) if data.strip() else {}
        key = optional_key(request, members)
        fields = Fields(members)
        fields.optional_text(FIELD)
        from_us, to_us = fields.optional_moment_us("from"), fields.optional_moment_us("to")
        failed_only = fields.optional_flag("failed_only") or False
        message_id = fields.optional_text("message_id")
        if from_us is not None and to_us is not None and to_us <= from_us:
            fields.fault("to", "must be after from")
        if message_id is not None and not _MESSAGE_ID.fullmatch(message_id):
            fields.fault("message_id", "must be the webhook-id of a delivery: {payment_id}:{sequence}")
        fields.refuse_others()
        fields.check()
        endpoint_id = await self._endpoint_id(request, caller.tenant_id)
        body = canonical_json([from_us, to_us, failed_only, message_id])
        replay = WebhookReplay(
            request_id=_request_id(caller.tenant_id, endpoint_id, key, body),
            endpoint_id=endpoint_id,
            tenant_id=caller.tenant_id,
            from_us=from_us,
            to_us=to_us,
            failed_only=failed_only,
            message_id=message_id,
            requested_at_us=parts.now_us(),
        )
        await parts.commands.send(replay)
        return json_answer({"id": replay.request_id}, status=202)

    async def _endpoint_id(self, request: Request, tenant_id: str) -> str:
        endpoint_id = str(request.path_params["endpoint_id"]).lower()
        entry = await own_entry(self._parts, tenant_id, Kind.WEBHOOK_ENDPOINT, endpoint_id)
        if not entry.is_active:
            raise not_found(Kind.WEBHOOK_ENDPOINT)
        return endpoint_id


def _request_id(tenant_id: str, endpoint_id: str, key: str | None, body: str) -> str:
    """Return a new id; or one that key and body give: the dispatcher hears a repeated one once.

    With the body, because nobody here remembers what was asked under a key: another body must not be taken for heard.
    """
    if key is None:
        return str(uuid.uuid4())
    return keyed_id(tenant_id, Kind.WEBHOOK_ENDPOINT, f"{endpoint_id}:replay:{key}:{body}")


def _body(row: DeliveryRow) -> dict[str, object]:
    return {
        "message_id": row.message_id,
        "payment_id": None if row.is_notice else row.payment_id,
        "sequence": row.sequence,
        "event_type": row.event_type,
        "attempt": row.attempt,
        "attempted_at": rfc3339(row.attempted_at_us),
        "outcome": row.outcome.value,
        "status_code": row.status_code,
        "error": row.error,
        "next_attempt_at": rfc3339(row.next_attempt_at_us) if row.next_attempt_at_us is not None else None,
        "duration_ms": row.duration_ms,
        "replay_id": row.replay_id,
    }
