"""The API's description (OpenAPI 3.1), in the order in which a newcomer would try it; every example works as shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from directory.entities import Kind
from ingest_api.described_schemas import ITEM_STATES, SCHEMAS, ref
from ingest_api.examples import Examples
from ingest_api.listing import LIMIT_DEFAULT, LIMIT_MAX
from ingest_api.metric_periods import PERIODS_DEFAULT, PERIODS_MAX
from ingest_api.problems import MEDIA_TYPE as PROBLEM_TYPE
from ingest_api.problems import TYPES_PATH
from payments.payment import Status
from payments.rails import RAILS
from projections.queries import Bucket
from schemas.deliveries import Outcome
from schemas.registry import schema_by_id

Json = dict[str, Any]

TAGS = {
    "Users": "Landlords and renters.",
    "Bank accounts": "Where they pay from and are paid to. An account number goes in once and never comes out.",
    "Properties": "What is let.",
    "Leases": "Who rents what, when the rent is due, and what is paid of it.",
    "Payments": "The rent itself. Send the same request twice and see what happens.",
    "Balances": "The ledger's accounts. Those of a tenant sum to zero: what one was paid, another has paid.",
    "Webhooks": "Where your events are delivered to: signed by Standard Webhooks, at least once, in order per payment.",
    "Reconciliation": "Bank statements, compared with the payments: what differs, what was repaired, and the proof.",
    "Metrics": "Figures of a tenant's payments, and how the processes are. [The dashboard](/dashboard) shows them.",
    "Tenants": "The operator's side: customers and their API keys. It needs the admin key.",
    "Schemas": "The schema registry's reading side: with it, Confluent's deserialisers read every topic.",
    "Process": "Health, metrics and descriptions.",
}
INTRODUCTION = f"""\
DirectPay moves rent from a renter's bank account to a landlord's: never twice, never lost, always explainable.

**Try it.** Press *Authorize*, paste an API key (and, for the operator's part, the admin key), and execute the examples
from top to bottom. They work as they stand, also a second time: then you see replays.

**Idempotency.** Every POST takes an idempotency key: in the `Idempotency-Key` header (bare, or quoted as a structured
field) or as `idempotency_key` in the body. Payments, cancels and refunds must have one. A key belongs to your tenant
and **never expires**. Same key, same body: the first answer again, byte for byte, with `Idempotency-Replayed: true`.
Same key, another body: 422, and nothing changes. A request that was refused before anything happened does not use its
key up.

**Answers.** 201: created. 200: a replay, or what you read. 202: accepted, the id is final, its outcome is not known yet
(`Prefer: respond-async` asks for that); GET it a moment later: it is the payment, or the refusal. After a time-out, 429
or 503 send the same request with the same key.

**Errors** are `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)); [what each type
means]({TYPES_PATH}). What is another tenant's looks as if it did not exist.

Events are on Kafka: see [/asyncapi.json](/asyncapi.json)."""

KEY_HEADER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 characters, bare or quoted. Or send `idempotency_key` in the body.",
    "schema": {"type": "string", "maxLength": 255},
}
PREFER: Json = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async`: answer 202 as soon as it is accepted.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an earlier answer: 304 without a body while nothing has happened to the payment.",
    "schema": {"type": "string"},
}
SAME_ANSWER: Json = IF_NONE_MATCH | {
    "description": "The `ETag` of an earlier answer: 304 without a body while it would be answered again.",
}
PAYMENT_TEXTS = {
    "200": "This key has a payment: its first answer again.",
    "201": "Created, as it was at creation.",
    "202": "Accepted; its outcome is not known yet.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `bodies` are examples by name, the first of them the one that is shown."""

    method: str
    path: str
    tag: str
    summary: str
    answers: dict[str, str | None]
    doc: str = ""
    security: str | None = "ApiKey"
    parameters: Sequence[Json] = ()
    takes: str | None = None
    bodies: dict[str, Any] | None = None
    body_type: str = "application/json"
    raw_body: tuple[str, str] | None = None  # Its media type, and an example of it.
    answer_type: str = "application/json"
    problems: Sequence[int] = ()
    texts: dict[str, str] | None = None


def openapi(examples: Examples, *, version: str) -> Json:
    """Return the document."""
    paths: dict[str, Json] = {}
    for operation in operations(examples):
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "DirectPay", "version": version, "description": INTRODUCTION},
        "tags": [{"name": name, "description": doc} for name, doc in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "ApiKey": {"type": "http", "scheme": "bearer", "description": "A tenant's API key."},
                "AdminKey": {"type": "http", "scheme": "bearer", "description": "The operator's key."},
            },
        },
    }


def operations(examples: Examples) -> list[Operation]:
    """Return every operation, in the order in which the examples work."""
    return [
        *_directory(examples),
        *_payments(examples),
        _balances(),
        *_webhook_endpoints(examples),
        *_webhook_deliveries(examples),
        *_reconciliation(examples),
        *_metrics(),
        *_tenants(examples),
        *_registry(),
        *_process(),
    ]


def _directory(examples: Examples) -> list[Operation]:
    return [
        *_kind("Users", "/api/v1/users/", Kind.USER, "User", examples.alice_id, {
            "Alice, a landlord": examples.landlord, "Bob, a renter": examples.renter,
        }),
        *_kind("Bank accounts", "/api/v1/bank-accounts/", Kind.BANK_ACCOUNT, "BankAccount", examples.alice_account_id, {
            "Alice's account": examples.landlord_account, "Bob's account": examples.renter_account,
        }),
        *_kind("Properties", "/api/v1/properties/", Kind.PROPERTY, "Property", examples.property_id, {
            "123 Oak Street": examples.home,
        }),
        *_kind("Leases", "/api/v1/leases/", Kind.LEASE, "Lease", examples.lease_id, {
            "Bob rents 123 Oak Street": examples.lease,
        }),
        Operation(
            method="get", path="/api/v1/leases/{id}/schedule", tag="Leases", summary="When the rent is due",
            doc="The coming due dates, from today or from `from` on.",
            parameters=[
                _id(examples.lease_id),
                _query("from", "The first day to look at.", format="date"),
                _query("limit", "How many dates, at most 120.", of="integer", example=12),
            ],
            answers={"200": "LeaseSchedule"}, problems=[404],
        ),
        Operation(
            method="get", path="/api/v1/leases/{id}/ledger", tag="Leases", summary="What is paid, and what is late",
            doc="One item a due date, newest first: all before today (UTC) and the next one. Payments pay the oldest "
            "due date first, whatever day they were made on.",
            parameters=[_id(examples.lease_id), *_page()], answers={"200": "LeaseLedger"}, problems=[400, 404, 422],
        ),
    ]  # fmt: skip


def _kind(tag: str, path: str, kind: Kind, schema: str, entity_id: str, bodies: dict[str, Any]) -> list[Operation]:
    name = kind.replace("_", " ")
    plural = "Properties" if schema == "Property" else f"{schema}s"
    return [
        Operation(
            method="post", path=path, tag=tag, summary=f"Create a {name}", parameters=[KEY_HEADER],
            takes=f"New{schema}", bodies=bodies, answers={"201": schema, "200": schema, "202": schema},
            problems=[400, 409, 413, 415, 422],
            texts={
                "201": "Created.",
                "200": "A replay: the first answer again.",
                "202": "Accepted, not known to be done yet; the id is final.",
            },
        ),
        Operation(
            method="get", path=path + "{id}", tag=tag, summary=f"Read a {name}", parameters=[_id(entity_id)],
            answers={"200": schema}, problems=[404],
        ),
        Operation(
            method="get", path=path, tag=tag, summary=f"List {tag.lower()}, newest first", parameters=_page(),
            answers={"200": plural}, problems=[400, 422],
        ),
    ]  # fmt: skip


def _payments(examples: Examples) -> list[Operation]:
    path = "/api/v1/payments/"
    return [
        Operation(
            method="post", path=path, tag="Payments", summary="Pay",
            doc="Execute it twice: the second answer is the first again (200, not 201), and there is one payment.",
            parameters=[KEY_HEADER, PREFER], takes="NewPayment",
            bodies={"March's rent, from Bob to Alice": examples.payment},
            answers={"201": "Payment", "200": "Payment", "202": "Payment"}, texts=PAYMENT_TEXTS,
            problems=[400, 413, 415, 422, 429],
        ),
        Operation(
            method="get", path=path + "{id}", tag="Payments", summary="Read a payment",
            doc="What was answered 202 and is not decided yet is waited for briefly, then answered 202 again; when it "
            "was refused, the refusal is the answer. Another API process may not know of it yet and answer 404.",
            parameters=[_id(examples.payment_id), IF_NONE_MATCH],
            answers={"200": "Payment", "202": "Payment", "304": None}, texts={"304": "It is as you know it."},
            problems=[404, 422],
        ),
        Operation(
            method="get", path=path + "{id}/history", tag="Payments", summary="Everything that happened to a payment",
            parameters=[_id(examples.payment_id)], answers={"200": "History", "202": "Payment"}, problems=[404, 422],
        ),
        Operation(
            method="get", path=path, tag="Payments", summary="List payments, newest first",
            parameters=[*_payment_filters(), SAME_ANSWER], answers={"200": "Payments", "304": None},
            texts={"304": "It is as you know it."}, problems=[400, 422],
        ),
        Operation(
            method="post", path=path + "batch", tag="Payments", summary="Pay many at once",
            doc="Up to 10,000 payments as a JSON array, or one a line with `Content-Type: application/x-ndjson`, each "
            "with its own `idempotency_key`. One result an item, in order; a bad item refuses itself only. After a 503 "
            "send the same batch again.",
            parameters=[PREFER], takes="Batch", bodies={"Next month's rent, and a deposit": examples.batch},
            answers={"200": "BatchResults"}, problems=[400, 413, 415, 422, 429],
        ),
        Operation(
            method="post", path=path + "{id}/cancel", tag="Payments", summary="Cancel a payment",
            doc="Possible until a rail has claimed it. The example cancels next month's rent, from the batch above.",
            parameters=[_id(examples.coming_rent_id), KEY_HEADER | {"example": examples.cancel_key}, PREFER],
            answers={"200": "Payment", "202": "Payment"}, problems=[400, 404, 409],
            texts={"200": "Cancelled.", "202": "Asked for; its outcome is not known yet."},
        ),
        Operation(
            method="post", path=path + "{id}/refunds", tag="Payments", summary="Give a payment back",
            doc="Possible once it is completed: all that is left of it, or an `amount`. The answer is the refund, "
            "a payment in the other direction. The example gives a part of the deposit back, from the batch above; "
            "until that is completed, a second or two later, the answer is 409.",
            parameters=[_id(examples.deposit_id), KEY_HEADER, PREFER], takes="NewRefund",
            bodies={"A part of the deposit": examples.refund},
            answers={"201": "Payment", "200": "Payment", "202": "Payment"},
            texts={
                "200": "This key has a refund of this payment: its first answer again.",
                "201": "Asked for, as it was then; the payment counts as refunded once the refund is completed.",
                "202": "Accepted; its outcome is not known yet. The amount is null when none was given.",
            },
            problems=[400, 404, 409, 413, 415, 422, 429],
        ),
    ]  # fmt: skip


def _payment_filters() -> list[Json]:
    return [
        _query("status", "Only in this status.", enum=[status.value for status in Status]),
        _query("lease_id", "Only of this lease.", format="uuid"),
        _query("payer_account_id", "Only from this account.", format="uuid"),
        _query("payment_rail_type", "Only on this rail.", enum=list(RAILS)),
        _query("idempotency_key", "Only the one with this key."),
        _query("from", "Initiated at or after.", format="date-time"),
        _query("to", "Initiated before.", format="date-time"),
        *_page(),
    ]


def _balances() -> Operation:
    account = "Only this account: `bank_account:<id>`, `clearing:<rail>` or `suspense`."
    return Operation(
        method="get", path="/api/v1/balances/", tag="Balances", summary="List balances, by account",
        doc="What each account has paid and been paid. A balance is credits less debits: below zero for one that paid "
        "more than it was paid, as a renter's does; a clearing account's is the money in flight on its rail. Each page "
        "is of its own moment: a payment that moves between two pages can show on one side only.",
        parameters=[_query("account", account), *_page()], answers={"200": "Balances"}, problems=[400, 422],
    )  # fmt: skip


def _webhook_endpoints(examples: Examples) -> list[Operation]:
    path = "/api/v1/webhook-endpoints/"
    one = _id(examples.endpoint_id)
    return [
        Operation(
            method="post", path=path, tag="Webhooks", summary="Create a webhook endpoint",
            doc="The secret is in this answer only, and in a replay of it while the secret still signs. A URL that "
            "names this machine or a private address is refused; a name that leads to one, when it is delivered to.",
            parameters=[KEY_HEADER], takes="NewWebhookEndpoint", bodies={"Told of two events": examples.endpoint},
            answers=dict.fromkeys(("201", "200", "202"), "NewlySignedWebhookEndpoint"),
            problems=[400, 413, 415, 422],
            texts={
                "201": "Created.",
                "200": "A replay: the first answer again.",
                "202": "Accepted, not known to be done yet; send it again with its key to see the secret.",
            },
        ),
        Operation(
            method="get", path=path, tag="Webhooks", summary="List webhook endpoints, newest first",
            parameters=_page(), answers={"200": "WebhookEndpoints"}, problems=[400, 422],
        ),
        Operation(
            method="get", path=path + "{id}", tag="Webhooks", summary="Read a webhook endpoint", parameters=[one],
            answers={"200": "WebhookEndpoint"}, problems=[404],
        ),
        Operation(
            method="patch", path=path + "{id}", tag="Webhooks", summary="Change a webhook endpoint",
            doc="What the body does not name stays. One that was disabled by us is enabled again here; it is told of "
            "what happens from then on, and of what it missed by a replay. 409: it was changed by others meanwhile, "
            "again and again; read it, and decide anew.",
            parameters=[one, KEY_HEADER], takes="WebhookEndpointChange", bodies={"Off": examples.endpoint_change},
            answers={"200": "WebhookEndpoint", "202": "WebhookEndpoint"},
            texts={"200": "Changed, as it is now.", "202": "Asked for; this is how it was before."},
            problems=[400, 404, 409, 413, 415, 422],
        ),
        Operation(
            method="delete", path=path + "{id}", tag="Webhooks", summary="Delete a webhook endpoint",
            parameters=[_id(examples.old_endpoint_id)], answers={"204": None, "202": "WebhookEndpoint"},
            texts={"204": "Deleted, now or before.", "202": "Asked for."}, problems=[404],
        ),
        Operation(
            method="post", path=path + "{id}/rotate-secret", tag="Webhooks", summary="Give an endpoint a new secret",
            doc="For 24 hours the former one signs too. The new one is in this answer only, and in a replay of it.",
            parameters=[one, KEY_HEADER | {"example": examples.rotation_key}],
            answers=dict.fromkeys(("200", "202"), "NewlySignedWebhookEndpoint"),
            texts={"200": "Rotated.", "202": "Asked for; send it again with its key to see the secret."},
            problems=[400, 404, 409, 413, 415, 422],
        ),
    ]  # fmt: skip


def _webhook_deliveries(examples: Examples) -> list[Operation]:
    path = "/api/v1/webhook-endpoints/{id}"
    one = _id(examples.endpoint_id)
    outcomes = [outcome.value for outcome in Outcome]
    return [
        Operation(
            method="get", path=path + "/deliveries", tag="Webhooks", summary="What was delivered, and what was not",
            doc="One item an attempt, newest first, for 30 days.",
            parameters=[one, _query("outcome", "Only with this outcome.", enum=outcomes), *_page()],
            answers={"200": "WebhookDeliveries"}, problems=[400, 404, 422],
        ),
        Operation(
            method="post", path=path + "/replay", tag="Webhooks", summary="Deliver again",
            doc="Everything of the last 30 days; with `from` and `to` what was attempted then, with `failed_only` what "
            "was given up, with `message_id` one event. Each keeps its `webhook-id`. Same key, same body: the same id, "
            "and it is done once.",
            parameters=[one, KEY_HEADER], takes="NewWebhookReplay", bodies={"What was given up": examples.replay},
            answers={"202": "WebhookReplay"}, texts={"202": "Asked for; the deliveries name this id."},
            problems=[400, 404, 413, 415, 422],
        ),
    ]  # fmt: skip


def _reconciliation(examples: Examples) -> list[Operation]:
    return [
        Operation(
            method="post", path="/api/v1/reconciliation/statements", tag="Reconciliation",
            summary="Hand in a bank statement",
            doc="A bank statement as the body: camt.053, BAI2, or a CSV table. Its bookings are compared with your "
            "payments (with everybody's, by the admin key). The same file again changes nothing: the same answer. A "
            "payment that the bank has settled and that is still `processing` here is repaired.",
            parameters=[
                _query("name", "The file's name, for people."),
                _query("whole", "`no`: the file is a part of what the bank booked: what is not in it is not missing.",
                       enum=["yes", "no"]),
            ],
            raw_body=("text/csv", examples.statement), answers={"201": "Import", "200": "Import", "202": "NewImport"},
            texts={
                "201": "Compared to its end.",
                "200": "It was handed in before: the same answer.",
                "202": "Still comparing; send the same file again for the answer.",
            },
            problems=[400, 413, 422],
        ),
        Operation(
            method="get", path="/api/v1/reconciliation/items", tag="Reconciliation", summary="List what was found",
            doc="In the order in which it was found: all that is more than matched, or what `state` says. An item has "
            "its evidence: what the statement says, and the payment's history then.",
            parameters=[_query("state", "Only these.", enum=list(ITEM_STATES)), *_page()],
            answers={"200": "Items"}, problems=[400, 422],
        ),
        Operation(
            method="post", path="/api/v1/reconciliation/items/{id}/resolve", tag="Reconciliation",
            summary="Resolve an item",
            doc="Say why what differs is right as it is, or that the bank corrects it. The first word holds.",
            parameters=[_id(examples.item_id)], takes="Resolution", bodies={"The account's fee": examples.resolution},
            answers={"200": "Item"}, problems=[400, 404, 409, 413, 415, 422],
        ),
    ]  # fmt: skip


def _metrics() -> list[Operation]:
    path = "/api/v1/metrics/"
    return [
        Operation(
            method="get", path=path + "summary", tag="Metrics", summary="Volume, failures, times to settle, in flight",
            doc="Of the last `periods` days (UTC), weeks from Monday on, or months, with the present one. A payment "
            "counts in the period in which it was asked for, in the status in which it is now. Read from sums: as "
            "quick with millions of payments as with ten.",
            parameters=[
                _query("bucket", "How long a period is; a day when not given.", enum=[each.value for each in Bucket]),
                _query("periods", f"How many, at most {PERIODS_MAX}; {PERIODS_DEFAULT} when not given.", of="integer"),
                SAME_ANSWER,
            ],
            answers={"200": "Summary", "304": None}, texts={"304": "It is as you know it."}, problems=[422],
        ),
        Operation(
            method="get", path=path + "processes", tag="Metrics", summary="How the processes are",
            doc="Of the whole system, which all tenants share. Processes are listed where the operator has set "
            "DIRECTPAY_HEALTH_URLS; how far the views are behind each topic is always told, while Postgres answers.",
            parameters=[SAME_ANSWER], answers={"200": "Processes", "304": None},
            texts={"304": "It is as you know it."}, problems=[422],
        ),
    ]  # fmt: skip


def _tenants(examples: Examples) -> list[Operation]:
    return [
        Operation(
            method="post", path="/api/v1/tenants/", tag="Tenants", summary="Create a tenant", security="AdminKey",
            parameters=[KEY_HEADER], takes="NewTenant", bodies={"A tenant": examples.tenant},
            answers={"201": "Tenant", "200": "Tenant"}, problems=[400, 403, 409, 422],
        ),
        Operation(
            method="post", path="/api/v1/api-keys/", tag="Tenants", summary="Create an API key", security="AdminKey",
            doc="The key is shown once, with the 201. After a 202 or a replay, revoke it and create another.",
            parameters=[KEY_HEADER], takes="NewApiKey", bodies={"A key that may only read": examples.api_key},
            answers={"201": "ApiKey", "200": "ApiKey"}, problems=[400, 403, 422],
        ),
        Operation(
            method="delete", path="/api/v1/api-keys/{id}", tag="Tenants", summary="Revoke an API key",
            security="AdminKey", parameters=[_id(examples.api_key_id)], answers={"200": "RevokedKey"},
            problems=[403, 404],
        ),
    ]  # fmt: skip


def _registry() -> list[Operation]:
    first = schema_by_id(1)
    assert first is not None
    subject = _path_parameter("subject", first.subjects[0])
    common: dict[str, Any] = {
        "tag": "Schemas",
        "security": None,
        "answer_type": "application/vnd.schemaregistry.v1+json",
    }
    lookup: dict[str, Any] = {"takes": "RegistrySchema", "bodies": {"The schema": {"schema": first.text}}}
    return [
        Operation(
            method="get", path="/schemas/ids/{id}", summary="A schema by its id in the wire format",
            parameters=[_path_parameter("id", 1)], answers={"200": "RegistrySchema"}, **common,
        ),
        Operation(method="get", path="/schemas/types", summary="Kinds of schemas", answers={"200": None}, **common),
        Operation(method="get", path="/subjects", summary="Every subject", answers={"200": None}, **common),
        Operation(
            method="get", path="/subjects/{subject}/versions", summary="A subject's versions", parameters=[subject],
            answers={"200": None}, **common,
        ),
        Operation(
            method="get", path="/subjects/{subject}/versions/{version}", summary="One version of a subject",
            parameters=[subject, _path_parameter("version", "latest")], answers={"200": "RegistryVersion"}, **common,
        ),
        Operation(
            method="post", path="/subjects/{subject}", summary="Find a schema in a subject", parameters=[subject],
            answers={"200": "RegistryVersion"}, **lookup, **common,
        ),
        Operation(
            method="post", path="/subjects/{subject}/versions", summary="The id of a schema that is there",
            doc="Schemas come with a release; none can be registered here.", parameters=[subject],
            answers={"200": None}, **lookup, **common,
        ),
    ]  # fmt: skip


def _process() -> list[Operation]:
    rows = [
        ("/health/live", "The process runs", "application/json"),
        ("/health/ready", "Payments can be taken", "application/json"),
        ("/metrics", "Measurements for Prometheus", "text/plain"),
        ("/asyncapi.json", "The topics and their records", "application/json"),
    ]
    return [
        Operation(
            method="get",
            path=path,
            tag="Process",
            summary=summary,
            security=None,
            answers={"200": None},
            answer_type=kind,
        )
        for path, summary, kind in rows
    ]


def _described(operation: Operation) -> Json:
    described: Json = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _operation_id(operation),
        "parameters": list(operation.parameters),
        "responses": _responses(operation),
    }
    if operation.doc:
        described["description"] = operation.doc
    if operation.security is not None:
        described["security"] = [{operation.security: []}]
    if operation.raw_body is not None:
        media_type, example = operation.raw_body
        raw: Json = {"schema": {"type": "string"}, "example": example}
        described["requestBody"] = {"required": True, "content": {media_type: raw}}
    if operation.takes is not None:
        named = {name: {"summary": name, "value": value} for name, value in (operation.bodies or {}).items()}
        content: Json = {operation.body_type: {"schema": ref(operation.takes), "examples": named}}
        if operation.takes == "Batch":
            lines = "\n".join(json.dumps(item) for items in (operation.bodies or {}).values() for item in items)
            content["application/x-ndjson"] = {"schema": {"type": "string"}, "example": lines}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: Operation) -> Json:
    responses: Json = {}
    for status, schema in operation.answers.items():
        text = (operation.texts or {}).get(status, "What was asked for.")
        responses[status] = {"description": text}
        if status not in ("204", "304"):
            of_schema = ref(schema) if schema is not None else {}
            responses[status]["content"] = {operation.answer_type: {"schema": of_schema}}
    problems = list(operation.problems)
    if operation.security is not None:
        problems += [401, 403, 503]
    for number in sorted(set(problems)):
        responses[str(number)] = {
            "description": HTTPStatus(number).phrase,
            "content": {PROBLEM_TYPE: {"schema": ref("Problem")}},
        }
    return responses


def _operation_id(operation: Operation) -> str:
    words = operation.path.replace("/api/v1", "").replace("{", "by ").replace("}", "")
    return "_".join([operation.method, *words.replace("/", " ").replace("-", " ").replace(".", " ").split()])


def _id(example: str) -> Json:
    return _path_parameter("id", example)


def _path_parameter(name: str, example: str | int) -> Json:
    kind = "integer" if isinstance(example, int) else "string"
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}, "example": example}


def _query(name: str, doc: str, *, of: str = "string", example: Any = None, **more: Any) -> Json:
    parameter: Json = {"name": name, "in": "query", "description": doc, "schema": {"type": of, **more}}
    return parameter | ({"example": example} if example is not None else {})


def _page() -> list[Json]:
    return [
        _query("limit", f"How many, at most {LIMIT_MAX}; {LIMIT_DEFAULT} when not given.", of="integer", example=10),
        _query("cursor", "The `next_cursor` of the page before."),
    ]
