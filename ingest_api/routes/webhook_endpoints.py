"""Webhook endpoints: where a tenant's events are delivered to, and the secrets that they are signed with."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.changes import State
from directory.entities import Kind, Scope
from directory.register import Entry
from directory.webhook_endpoint import (
    ENDPOINTS_MAX,
    TOLD_TYPES,
    DisabledReason,
    ToldType,
    TooManyEndpoints,
    WebhookEndpoint,
    names_private_host,
    url_faults,
)
from directory.webhook_secrets import rotated, to_json
from ingest_api.answers import json_answer
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.changes import Change, ChangeAnswer, Changes, Replacement, not_found, own_entry
from ingest_api.creation import Creation, Creations, new_entity_id
from ingest_api.endpoint_secrets import EndpointSecrets, new_secret
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from ingest_api.representations import entity_now
from ingest_api.routes.webhook_deliveries import webhook_delivery_routes
from projections.queries import EntityRow

PATH = "/api/v1/webhook-endpoints/"


def webhook_endpoint_routes(parts: Parts) -> list[Route]:
    endpoints = WebhookEndpoints(parts)
    one = PATH + "{endpoint_id}"
    return [
        Route(PATH, endpoints.create, methods=["POST"]),
        Route(PATH, endpoints.list, methods=["GET"]),
        Route(one, endpoints.get, methods=["GET"]),
        Route(one, endpoints.change, methods=["PATCH"]),
        Route(one, endpoints.delete, methods=["DELETE"]),
        Route(one + "/rotate-secret", endpoints.rotate_secret, methods=["POST"]),
        *webhook_delivery_routes(parts, one),
    ]


class WebhookEndpoints:
    """One tenant's endpoints. Single ones are answered from the log, with Postgres up or down."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)
        self._changes = Changes(parts)
        self._secrets = EndpointSecrets(parts)

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = await self._members(request)
        key = optional_key(request, members)
        fields = _fields(members)
        url, events = self._url(fields, fields.text("url")), _events(fields)
        enabled = fields.optional_flag("enabled")
        fields.refuse_others()
        fields.check()
        endpoint = _changed(WebhookEndpoint(url=url, events=events), None, None, enabled)
        endpoint_id = new_entity_id(caller.tenant_id, Kind.WEBHOOK_ENDPOINT, key)
        if not self._has_room(caller.tenant_id, endpoint_id):
            # Another process may have made this one, or deleted one, a moment ago.
            await parts.directory.catch_up()
            if not self._has_room(caller.tenant_id, endpoint_id):
                raise TooManyEndpoints
        first = new_secret(made_by=endpoint_id)

        async def secret() -> bytes:
            return to_json((first,))

        async def shown_again() -> dict[str, str | None]:
            return {"secret": await self._secrets.made_by(endpoint_id, endpoint_id)}

        creation = Creation(
            tenant_id=caller.tenant_id,
            kind=Kind.WEBHOOK_ENDPOINT,
            entity_id=endpoint_id,
            entity=endpoint,
            body=[endpoint.url, list(endpoint.events), endpoint.enabled],
            idempotency_key=key,
            path=PATH,
        )
        shown_once = {"secret": first.secret}
        return await self._creations.create(creation, secret=secret, shown_once=shown_once, shown_again=shown_again)

    async def get(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        endpoint_id = _endpoint_id(request)
        entry = await own_entry(self._parts, caller.tenant_id, Kind.WEBHOOK_ENDPOINT, endpoint_id)
        if not entry.is_active:
            raise not_found(Kind.WEBHOOK_ENDPOINT)
        return json_answer(_body(endpoint_id, entry))

    async def list(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        limit, cursor = query.limit(), query.cursor()
        query.check()
        page = await self._parts.queries.entities(
            caller.tenant_id, Kind.WEBHOOK_ENDPOINT, limit, cursor, state=State.ACTIVE
        )
        return json_answer({"items": [_row_body(row) for row in page.items], "next_cursor": page.next_cursor})

    async def change(self, request: Request) -> Response:
        """Change what the body names; an endpoint that was disabled is told again of what happens from then on."""
        caller = await self._parts.doorkeeper.caller(request, Scope.WRITE)
        members = await self._members(request)
        key = optional_key(request, members)
        fields = _fields(members)
        url, enabled = fields.optional_text("url"), fields.optional_flag("enabled")
        if url is not None:
            url = self._url(fields, url)
        events = _events(fields) if members.get("events") is not None else None
        if (url, events, enabled) == (None, None, None):
            fields.fault("url", "or events or enabled must be there")
        fields.refuse_others()
        fields.check()

        async def decide(entry: Entry, _command_id: str) -> Replacement:
            return Replacement(entity=_changed(_endpoint(entry), url, events, enabled))

        change = Change(
            tenant_id=caller.tenant_id,
            kind=Kind.WEBHOOK_ENDPOINT,
            entity_id=_endpoint_id(request),
            operation="change",
            body=[url, None if events is None else list(events), enabled],
            idempotency_key=key,
        )
        answer = await self._changes.change(change, decide)
        return _change_answer(change.entity_id, answer)

    async def delete(self, request: Request) -> Response:
        """Revoke an endpoint; whoever revokes it again hears the same."""
        caller = await self._parts.doorkeeper.caller(request, Scope.WRITE)
        endpoint_id = _endpoint_id(request)
        entry = await own_entry(self._parts, caller.tenant_id, Kind.WEBHOOK_ENDPOINT, endpoint_id)
        if await self._changes.revoke(entry, endpoint_id):
            return Response(status_code=204)
        return json_answer(_body(endpoint_id, entry), status=202)

    async def rotate_secret(self, request: Request) -> Response:
        """Give an endpoint a new secret; the one before it signs beside it for 24 hours."""
        caller = await self._parts.doorkeeper.caller(request, Scope.WRITE)
        members = await self._members(request)
        key = optional_key(request, members)
        fields = _fields(members)
        fields.refuse_others()
        fields.check()
        endpoint_id = _endpoint_id(request)

        async def decide(entry: Entry, command_id: str) -> Replacement:
            secrets = await self._secrets.newest(endpoint_id)
            secrets = rotated(secrets, new_secret(made_by=command_id), at_us=self._parts.now_us())
            return Replacement(entity=_endpoint(entry), secret=to_json(secrets))

        change = Change(
            tenant_id=caller.tenant_id,
            kind=Kind.WEBHOOK_ENDPOINT,
            entity_id=endpoint_id,
            operation="rotate-secret",
            body=[],
            idempotency_key=key,
        )
        answer = await self._changes.change(change, decide)
        # Read back, not remembered: of two requests with one key only one has its secret kept.
        secret = await self._secrets.made_by(endpoint_id, answer.command_id) if answer.is_made else None
        return _change_answer(endpoint_id, answer, secret=secret)

    def _has_room(self, tenant_id: str, endpoint_id: str) -> bool:
        """Return whether the endpoint is there already, or another one may be."""
        directory = self._parts.directory
        return directory.get(endpoint_id) is not None or directory.webhook_endpoints(tenant_id) < ENDPOINTS_MAX

    async def _members(self, request: Request) -> dict[str, object]:
        data = await read_body(request, bytes_max=self._parts.config.max_body_bytes)
        return parse_object(data) if data.strip() else {}

    def _url(self, fields: Fields, url: str) -> str:
        """Return the URL, or note its faults and return one that has none."""
        faults = url_faults("url", url)
        for fault in faults:
            fields.fault(fault.field, fault.message)
        if faults:
            return "https://example.com"
        if names_private_host(url) and not self._parts.config.webhooks_allow_private:
            fields.fault(
                "url", "must name a public host: not this machine, nor a private, link-local or reserved address"
            )
        return url


def _fields(members: dict[str, object]) -> Fields:
    fields = Fields(members)
    fields.optional_text(FIELD)
    return fields


def _events(fields: Fields) -> tuple[ToldType, ...]:
    return fields.choices("events", TOLD_TYPES, default=())


def _endpoint_id(request: Request) -> str:
    return str(request.path_params["endpoint_id"]).lower()


def _endpoint(entry: Entry) -> WebhookEndpoint:
    assert entry.endpoint is not None, "what is of this kind has one"
    return entry.endpoint


def _changed(
    endpoint: WebhookEndpoint, url: str | None, events: tuple[ToldType, ...] | None, enabled: bool | None
) -> WebhookEndpoint:
    endpoint = replace(
        endpoint,
        url=endpoint.url if url is None else url,
        events=endpoint.events if events is None else events,
    )
    if enabled is None or enabled is endpoint.enabled:
        return endpoint
    return replace(endpoint, enabled=enabled, disabled_reason=None if enabled else DisabledReason.OWNER)


def _change_answer(endpoint_id: str, answer: ChangeAnswer, **shown: str | None) -> Response:
    status = 200 if answer.is_made else 202
    return json_answer(_body(endpoint_id, answer.entry) | shown, status=status, replayed=answer.is_replayed)


def _body(endpoint_id: str, entry: Entry) -> dict[str, object]:
    return entity_now(
        endpoint_id,
        _endpoint(entry),
        tenant_id=entry.tenant_id,
        state=entry.state,
        created_at_us=entry.created_at_us,
    )


def _row_body(row: EntityRow) -> dict[str, object]:
    return entity_now(
        row.entity_id, row.entity, tenant_id=row.tenant_id, state=row.state, created_at_us=row.created_at_us
    )
