"""The JSON Schemas of what the API takes and gives, for its description."""

from __future__ import annotations

from typing import Any

from directory.entities import AccountType, Role, Scope
from directory.webhook_endpoint import URL_CHARACTERS_MAX, DisabledReason
from payments.commands import DESCRIPTION_CHARACTERS_MAX
from payments.idempotency import KEY_CHARACTERS_MAX
from payments.metadata import METADATA_BYTES_MAX
from payments.payment import EventType, Status
from payments.rails import RAILS
from schemas.deliveries import Outcome

Schema = dict[str, Any]


def text(doc: str, **more: Any) -> Schema:
    return {"type": "string", "description": doc, **more}


def uuid(doc: str) -> Schema:
    return text(doc, format="uuid")


def moment(doc: str) -> Schema:
    return text(doc, format="date-time")


def day(doc: str) -> Schema:
    return text(doc, format="date")


def nullable(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def record(required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required.split()}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def page(name: str) -> Schema:
    cursor = nullable(text("Give it as `cursor` to read on; null at the end."))
    return record("items next_cursor", items={"type": "array", "items": ref(name)}, next_cursor=cursor)


KEY = text(
    "The idempotency key, unless the Idempotency-Key header brings it.", minLength=1, maxLength=KEY_CHARACTERS_MAX
)
AMOUNT_IN = {
    "oneOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"}, {"type": "number", "exclusiveMinimum": 0}],
    "description": "Dollars, as a JSON number or text: more than 0, at most 1000000.00, 2 decimals, no exponent.",
}
AMOUNT_OUT = text("Dollars with 2 decimals.", pattern=r"^[0-9]+\.[0-9]{2}$")
BALANCE = text(
    "Credits less debits, in dollars: what the account was paid more than it paid.", pattern=r"^-?[0-9]+\.[0-9]{2}$"
)
METADATA = {"type": "object", "description": f"Whatever you want kept, at most {METADATA_BYTES_MAX} bytes as JSON."}
STATUS = text("Where the payment stands.", enum=[status.value for status in Status])
RAIL = text("The way the money travels.", enum=list(RAILS))
ENTITY_STATUS = text("Whether it may be used.", enum=["active", "revoked"])
CREATED = moment("When it was created; null in a 202.")
FAILURE = record(
    "code reason source",
    code=text("The rail's own code (R01, AC04) or ours."),
    reason=text("The same in words."),
    source=text("Whose code it is.", enum=["rail", "directpay"]),
)

_PAYMENT_TERMS: dict[str, Schema] = {
    "lease_id": nullable(uuid("The lease that the payment is for.")),
    "payer_account_id": uuid("The renter's bank account."),
    "payee_account_id": uuid("The landlord's bank account."),
    "currency": text("Only USD.", enum=["USD"], default="USD"),
    "payment_rail_type": RAIL,
    "description": nullable(text("Your words for it.", maxLength=DESCRIPTION_CHARACTERS_MAX)),
    "metadata": METADATA,
    "effective_date": day("No rail takes it before this day (UTC); until then it can be cancelled."),
}
_SCHEDULE: dict[str, Schema] = {
    "frequency": text("How often rent is due.", enum=["monthly"]),
    "due_day": {"type": "integer", "minimum": 1, "maximum": 31},
    "amount": AMOUNT_OUT,
    "currency": text("USD."),
    "first_due_date": nullable(day("The first due date on or after the start.")),
    "next_due_date": nullable(day("The next due date that is not known to be paid.")),
    "end_date": nullable(day("No rent is due after it.")),
}
_LEASE: dict[str, Schema] = {
    "property_id": uuid("What is let."),
    "renter_id": uuid("Who rents it: a user with the role renter."),
    "due_day": {
        "type": "integer",
        "minimum": 1,
        "maximum": 31,
        "description": "31 is the last day of a shorter month.",
    },
    "start_date": day("The first day."),
    "end_date": nullable(day("The last day; without one it goes on.")),
}
_ACCOUNT: dict[str, Schema] = {
    "user_id": uuid("Whose account it is."),
    "account_holder_name": text("The name on the account."),
    "account_type": text("Nacha's two kinds.", enum=[kind.value for kind in AccountType]),
}
_USER: dict[str, Schema] = {
    "email": text("One user per e-mail and tenant.", format="email"),
    "role": text("What the user does.", enum=[role.value for role in Role]),
    "name": nullable(text("What to call the user.")),
}
_SCOPES = {"type": "array", "items": {"type": "string", "enum": [scope.value for scope in Scope]}}
_EVENTS = {
    "type": "array",
    "items": {"type": "string", "enum": [event.value for event in EventType]},
    "description": "Only of these events; all, when it is empty or not there.",
}
_URL = text("http or https, without user information or a fragment.", format="uri", maxLength=URL_CHARACTERS_MAX)
_ENABLED: Schema = {"type": "boolean", "description": "Whether it is told of anything."}
_ENTITY: dict[str, Schema] = {"id": uuid("Its id."), "status": ENTITY_STATUS, "created_at": CREATED}
_WEBHOOK_ENDPOINT: dict[str, Schema] = {"url": _URL, "events": _EVENTS, "enabled": _ENABLED}
_KNOWN_WEBHOOK_ENDPOINT: dict[str, Schema] = {
    "disabled_reason": nullable(
        text("Why it is not enabled: its owner asked for it, it answered 410, or deliveries failed for too long.")
        | {"enum": [*(reason.value for reason in DisabledReason), None]}
    ),
    **_WEBHOOK_ENDPOINT,
    **_ENTITY,
}
_PAYMENT_REQUIRED = "payer_account_id payee_account_id amount payment_rail_type"

SCHEMAS: dict[str, Schema] = {
    "NewUser": record(
        "email password role",
        idempotency_key=KEY,
        password=text("Kept as an argon2id hash.", format="password"),
        **_USER,
    ),
    "User": record("id email role status created_at", **_ENTITY, **_USER),
    "Users": page("User"),
    "NewBankAccount": record(
        "user_id account_holder_name routing_number account_number account_type",
        idempotency_key=KEY,
        routing_number=text("9 digits, the last a check digit.", pattern="^[0-9]{9}$"),
        account_number=text("Sealed at once, never given back.", pattern="^[0-9]{4,17}$"),
        **_ACCOUNT,
    ),
    "BankAccount": record(
        "id token last4 status",
        token=text("What stands for the account number everywhere."),
        last4=text("The last 4 digits."),
        **_ENTITY,
        **_ACCOUNT,
    ),
    "BankAccounts": page("BankAccount"),
    "NewProperty": record(
        "owner_id address", idempotency_key=KEY, owner_id=uuid("A landlord's id."), address=text("Where it is.")
    ),
    "Property": record(
        "id owner_id address", owner_id=uuid("A landlord's id."), address=text("Where it is."), **_ENTITY
    ),
    "Properties": page("Property"),
    "NewLease": record(
        "property_id renter_id rent_amount due_day start_date", idempotency_key=KEY, rent_amount=AMOUNT_IN, **_LEASE
    )
    | {"additionalProperties": True, "description": "Further members are kept as the lease's `terms`."},
    "PaymentSchedule": record("frequency due_day amount next_due_date", **_SCHEDULE),
    "Lease": record(
        "id payment_schedule",
        rent_amount=AMOUNT_OUT,
        terms={"type": "object", "description": "Whatever else was agreed."},
        payment_schedule=ref("PaymentSchedule"),
        **_ENTITY,
        **_LEASE,
    ),
    "Leases": page("Lease"),
    "LeaseSchedule": record(
        "lease_id items",
        lease_id=uuid("The lease."),
        items={"type": "array", "items": record("due_date amount", due_date=day("When."), amount=AMOUNT_OUT)},
        **_SCHEDULE,
    ),
    "DueDate": record(
        "due_date due paid late",
        due_date=day("When rent is due: the due day, or the last day of a month that is too short for it."),
        due=AMOUNT_OUT | {"description": "Rent in dollars, as the lease has it now."},
        paid=AMOUNT_OUT | {"description": "Dollars of it that are paid, less what was returned or refunded."},
        late={"type": "boolean", "description": "Whether it is before today (UTC) and not paid in full."},
    ),
    "LeaseLedger": page("DueDate"),
    "NewPayment": record(_PAYMENT_REQUIRED, idempotency_key=KEY, amount=AMOUNT_IN, **_PAYMENT_TERMS)
    | {"additionalProperties": False},
    "NewRefund": record(
        "",
        idempotency_key=KEY,
        amount=AMOUNT_IN | {"description": "Dollars, as of a payment; without it all that is left is refunded."},
        description=_PAYMENT_TERMS["description"],
        metadata=METADATA,
    )
    | {"additionalProperties": False},
    "Payment": record(
        "id status amount currency payer_account_id payee_account_id payment_rail_type idempotency_key initiated_at",
        id=uuid("Follows from tenant and key, so it is final from the first answer on."),
        status=STATUS,
        amount=AMOUNT_OUT,
        idempotency_key=text("Its key."),
        initiated_at=nullable(moment("When it was created; null while that is not known (202).")),
        updated_at=nullable(moment("When its state last changed.")),
        completed_at=moment("When the money arrived."),
        expected_settlement_at=moment("The latest settlement to expect."),
        refunded_amount=AMOUNT_OUT | {"description": "What completed refunds gave back of it."},
        refund_of=uuid("The payment that this one refunds."),
        failure=FAILURE,
        **_PAYMENT_TERMS,
    ),
    "Payments": page("Payment"),
    "History": record(
        "transaction_id events",
        transaction_id=uuid("The payment's id."),
        events={
            "type": "array",
            "items": record(
                "sequence event_type previous_status new_status timestamp metadata hash",
                sequence={"type": "integer", "minimum": 1},
                event_type=text("What happened.", enum=[event.value for event in EventType]),
                previous_status=nullable(text("The status before; null at first.")),
                new_status=STATUS,
                timestamp=moment("When it happened."),
                metadata={"type": "object", "description": "The payment's terms as they were then, and what changed."},
                hash=text("SHA-256 over this event and the hash before it: an altered history shows."),
            ),
        },
    ),
    "Batch": {"type": "array", "maxItems": 10_000, "items": ref("NewPayment")},
    "BatchResults": record(
        "results",
        results={
            "type": "array",
            "items": record(
                "status",
                status={"type": "integer", "description": "As a single POST would have been answered."},
                payment=ref("Payment"),
                problem=ref("Problem"),
            ),
        },
    ),
    "Balance": record(
        "account currency debits credits balance",
        account=text("`bank_account:<id>`, `clearing:<rail>` (money in flight) or `suspense`."),
        currency=text("USD."),
        debits=AMOUNT_OUT | {"description": "Dollars that left the account."},
        credits=AMOUNT_OUT | {"description": "Dollars that came into the account."},
        balance=BALANCE,
    ),
    "Balances": page("Balance"),
    "NewWebhookEndpoint": record("url", idempotency_key=KEY, **_WEBHOOK_ENDPOINT),
    "WebhookEndpointChange": record("", idempotency_key=KEY, **_WEBHOOK_ENDPOINT),
    "WebhookEndpoint": record("id url events enabled status", **_KNOWN_WEBHOOK_ENDPOINT),
    "NewlySignedWebhookEndpoint": record(
        "id url events enabled status secret",
        secret=nullable(text("`whsec_` and base64: signs its deliveries. Null in a 202, and once it does not sign.")),
        **_KNOWN_WEBHOOK_ENDPOINT,
    ),
    "WebhookEndpoints": page("WebhookEndpoint"),
    "WebhookDelivery": record(
        "message_id payment_id sequence event_type attempt attempted_at outcome",
        message_id=text("The header `webhook-id`: the same in every attempt."),
        payment_id=uuid("Whose event it is."),
        sequence={"type": "integer", "minimum": 1, "description": "Which event of the payment."},
        event_type=text("What happened.", enum=[event.value for event in EventType]),
        attempt={"type": "integer", "minimum": 1, "description": "Which attempt to deliver it here."},
        attempted_at=moment("When it began."),
        outcome=text("`failed` is for good.", enum=[outcome.value for outcome in Outcome]),
        status_code={"type": ["integer", "null"], "description": "What the endpoint answered; null without an answer."},
        error=nullable(text("Why it was not delivered.")),
        next_attempt_at=nullable(moment("Not before when it is attempted again.")),
        duration_ms={"type": "integer", "description": "How long it took."},
        replay_id=nullable(uuid("The replay that asked for it; null when the event itself did.")),
    ),
    "WebhookDeliveries": page("WebhookDelivery"),
    "NewWebhookReplay": record(
        "",
        **{"from": moment("Attempted at or after."), "to": moment("Attempted before.")},
        idempotency_key=KEY,
        failed_only={"type": "boolean", "description": "Only what was given up.", "default": False},
        message_id=text("Only this event: the `webhook-id` of its deliveries."),
    ),
    "WebhookReplay": record("id", id=uuid("Its id: `replay_id` of the deliveries that it asks for.")),
    "NewTenant": record("", idempotency_key=KEY, id=text("1 to 64 of a-z, 0-9, - and _."), name=text("Its name.")),
    "Tenant": record("id name", id=text("Its id."), name=text("Its name."), status=ENTITY_STATUS, created_at=CREATED),
    "NewApiKey": record(
        "tenant_id",
        idempotency_key=KEY,
        tenant_id=text("Whose key it is."),
        name=text("What it is for."),
        scopes=_SCOPES | {"default": ["read", "write"]},
    ),
    "ApiKey": record(
        "id tenant_id status",
        tenant_id=text("Whose key it is."),
        name=text("What it is for."),
        scopes=_SCOPES,
        hint=nullable(text("The key's last 4 characters.")),
        key=nullable(text("The key itself: shown in this answer only.")),
        **_ENTITY,
    ),
    "RevokedKey": record("id tenant_id status", id=uuid("Its id."), tenant_id=text("Whose."), status=ENTITY_STATUS),
    "Problem": record(
        "type title status detail errors",
        type=text("A link to what it means."),
        title=text("The kind of problem."),
        status={"type": "integer"},
        detail=text("What is wrong with this request."),
        errors={
            "type": "array",
            "items": record("field message", field=text("The field at fault."), message=text("What would be right.")),
        },
    ),
    "RegistrySchema": record("schema", schema=text("The Avro schema as JSON text.")),
    "RegistryVersion": record(
        "subject version id schema",
        subject=text("The subject."),
        version={"type": "integer"},
        id={"type": "integer", "description": "The id in the wire format."},
        schema=text("The Avro schema as JSON text."),
    ),
}
