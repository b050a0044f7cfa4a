"""The JSON Schemas of what the API takes and gives, for its description."""

from __future__ import annotations

from typing import Any

from directory.entities import AccountType, Role, Scope
from directory.webhook_endpoint import TOLD_TYPES, URL_CHARACTERS_MAX, DisabledReason
from ingest_api.process_health import Condition
from payments.commands import DESCRIPTION_CHARACTERS_MAX
from payments.idempotency import KEY_CHARACTERS_MAX
from payments.metadata import METADATA_BYTES_MAX
from payments.payment import EventType, Status
from payments.rails import RAILS
from projections.queries import Bucket
from schemas.deliveries import Outcome
from schemas.reconciliation import Verdict

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


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


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
COUNT: Schema = {"type": "integer", "minimum": 0, "description": "How many payments."}
FAILURE_RATE: Schema = {
    "type": ["number", "null"],
    "description": "Failed and returned payments, of all that ended but the cancelled ones: 0 to 1; null: none has.",
}
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
_TOLD_TYPES = [each.value for each in TOLD_TYPES]
_EVENTS = {
    "type": "array",
    "items": {"type": "string", "enum": _TOLD_TYPES},
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
ITEM_STATES = ("open", "resolved", *(verdict.value for verdict in Verdict))
_IMPORT_COUNTS = {
    "bookings": "Bookings in the file, the payments of a batch each.",
    "known": "How many of them an earlier file had told.",
    "matched": "Bookings that agree with a payment.",
    "repaired": "Payments whose outcome was not known here and is reported now.",
    "mismatched": "Bookings of a payment with another amount.",
    "duplicates": "Bookings that repeat what is booked already.",
    "unmatched_at_bank": "Bookings that no payment explains.",
    "unmatched_here": "Payments that should be in the file and are not.",
    "statements": "Statements in the file.",
    "unproven": "Statements whose balances do not follow from the ledger and what was found.",
}
_PROOF_AMOUNTS = {
    "opening_balance": "The balance before the first day.",
    "closing_balance": "The balance after the last day.",
    "ledger": "What our ledger moved on the account in these days.",
    "unmatched_at_bank": "Bookings that no payment explains.",
    "duplicates": "Bookings that repeat another.",
    "mismatched": "By how much bookings exceed their payments.",
    "ahead": "Booked in these days, in the ledger on others or not yet.",
    "behind": "In the ledger in these days, booked on others or not at all.",
    "difference": "What is left unexplained.",
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
        payment_id=nullable(uuid("Whose event it is; null of `webhook_endpoint_disabled`.")),
        sequence={
            "type": "integer",
            "minimum": 1,
            "description": "Which event of the payment (version of the endpoint).",
        },
        event_type=text("What happened.", enum=_TOLD_TYPES),
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
    "NewImport": record("id", id=text("Follows from the file, so it is final from the first answer on.")),
    "Import": record(
        "id matched unmatched_at_bank unmatched_here mismatched repaired duplicates bookings known statements unproven",
        id=text("Follows from the file: the same file is the same import."),
        name=text("The file's name."),
        file_sha256=text("Its hash."),
        imported_at=moment("When it was compared."),
        is_whole={"type": "boolean", "description": "Whether what is not in it counts as missing."},
        **{name: {"type": "integer", "description": doc} for name, doc in _IMPORT_COUNTS.items()},
        proofs={"type": "array", "items": ref("Proof"), "description": "The first 100, those that do not hold first."},
    ),
    "Proof": record(
        "account first_day last_day opening_balance closing_balance ledger difference holds",
        account=text("The bank's account, as the statement names it."),
        statement_id=text("The bank's name for the statement."),
        currency=text("ISO 4217."),
        first_day=day("The statement's first day."),
        last_day=day("Its last day."),
        **{name: text(doc, pattern=r"^-?[0-9]+(\.[0-9]+)?$") for name, doc in _PROOF_AMOUNTS.items()},
        holds={"type": "boolean", "description": "Whether the difference is nothing."},
    ),
    "Item": record(
        "id state is_open detail day currency statement payment resolution",
        id=text("Follows from what was found."),
        state=text("What it is.", enum=list(ITEM_STATES[2:])),
        is_open={"type": "boolean", "description": "Whether somebody has to look at it."},
        detail=text("Why, in words."),
        day=day("The booking's, or the day on which the payment was settled here."),
        currency=text("ISO 4217."),
        amount=nullable(text("What was booked, a credit positive; null: nothing.")),
        expected_amount=nullable(text("What our books have; null: nothing.")),
        found_at=moment("When it was found."),
        import_id=text("The import that found it."),
        statement={"type": ["object", "null"], "description": "What the statement says of it, with its line."},
        payment={"type": ["object", "null"], "description": "The payment, by what it was found, and its history then."},
        suggested_payment_id=nullable(uuid("The only payment of that amount and day without a booking.")),
        resolution={"type": ["object", "null"], "description": "What was done about it, by whom, and why."},
    ),
    "Items": page("Item"),
    "Resolution": record(
        "resolution note",
        resolution=text("It is right as it is, or the bank corrects it.", enum=["accepted", "corrected_by_bank"]),
        note=text("Why.", minLength=1, maxLength=1000),
    )
    | {"additionalProperties": False},
    "Summary": record(
        "tenant_id currency bucket periods to volume failure_rate failures time_to_settle in_flight",
        tenant_id=text("Whose figures these are."),
        currency=text("USD."),
        bucket=text("How long a period is.", enum=[bucket.value for bucket in Bucket]),
        periods=listed(day("The first day (UTC) of each period, oldest first.")),
        to=day("The last day: today."),
        volume=listed(
            record(
                "payment_rail_type status counts amounts",
                payment_rail_type=RAIL,
                status=STATUS,
                counts=listed(COUNT | {"description": "Payments asked for in each period that are in this status."}),
                amounts=listed(AMOUNT_OUT | {"description": "Their amounts; what was refunded is not taken off."}),
            )
        ),
        failure_rate=record(
            "overall by_period by_rail",
            overall=FAILURE_RATE,
            by_period=listed(FAILURE_RATE),
            by_rail=listed(record("payment_rail_type failure_rate", payment_rail_type=RAIL, failure_rate=FAILURE_RATE)),
        ),
        failures=listed(
            record(
                "event_type failure_code count amount",
                event_type=text("payment_failed, or payment_returned (after it had completed)."),
                failure_code=nullable(text("The rail's own code (R01, AC04) or ours.")),
                count=COUNT | {"description": "Payments that failed or came back for it in these periods."},
                amount=AMOUNT_OUT,
            )
        ),
        time_to_settle=listed(
            record(
                "month payment_rail_type count p50_s p95_s",
                month=day("First day of the month in which they completed: all months that the periods touch."),
                payment_rail_type=RAIL,
                count=COUNT,
                p50_s={"type": "number", "description": "Half of them took no longer, in seconds (within 0.8 %)."},
                p95_s={"type": "number", "description": "95 % of them took no longer."},
            )
        ),
        in_flight=listed(
            record(
                "payment_rail_type status count amount oldest_day",
                payment_rail_type=RAIL,
                status=text("Where they are.", enum=[Status.PENDING.value, Status.PROCESSING.value]),
                count=COUNT | {"description": "Payments that have not ended, whenever they were asked for."},
                amount=AMOUNT_OUT,
                oldest_day=day("When the oldest of them was asked for."),
            )
        ),
    ),
    "Processes": record(
        "items kafka postgres views",
        items=listed(
            record(
                "process status lag in_hand",
                process=text("Its name."),
                status=text("down: it does not answer.", enum=[condition.value for condition in Condition]),
                lag=nullable(COUNT | {"description": "Records that it has not taken up; null where it counts none."}),
                in_hand=nullable(COUNT | {"description": "Payments that it has in memory, to be acted on soon."}),
            )
        ),
        kafka={"type": "boolean", "description": "Whether Kafka answers."},
        postgres={"type": "boolean", "description": "Whether Postgres answers."},
        views=listed(
            record(
                "topic lag behind_s",
                topic=text("A topic of the log."),
                lag=COUNT | {"description": "Offsets of it that the views do not show yet."},
                behind_s=nullable({"type": "number", "description": "How old what they show is, in seconds."}),
            )
        ),
    ),
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
