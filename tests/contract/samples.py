"""One full and one sparse value of every record: what the golden bytes are the bytes of."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import date

from msgspec.structs import replace

from directory.changes import Action, DirectoryCommand, DirectoryRecord, DirectorySecret, Heard, State
from directory.entities import (
    AccountType,
    ApiKey,
    BankAccount,
    Entity,
    Kind,
    Lease,
    Property,
    Role,
    Scope,
    Tenant,
    User,
    user_id,
)
from directory.sealing import Sealed
from directory.webhook_endpoint import DisabledReason, WebhookEndpoint
from payments.commands import CancelPayment, InitiatePayment, RailReport, Report, ReportSource
from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import Rail
from payments.refund_orders import InitiateRefund, RefundOutcome, RefundPayment, RefundReport
from payments.refusals import FieldError
from payments.rejection import Rejection
from schemas.deliveries import Outcome, WebhookDelivery, WebhookReplay
from schemas.origination import (
    AchCutOff,
    AchDelivery,
    AchNotice,
    AchParty,
    AchPayment,
    AchReturn,
    AchSender,
    AchSettlement,
)
from schemas.reconciliation import (
    FoundTransition,
    ItemResolution,
    MatchedBy,
    Movement,
    Resolution,
    Side,
    StatementFinding,
    StatementImport,
    StatementProof,
    Verdict,
)
from schemas.records import Value

TENANT = "demo"
AT_US = 1_796_083_200_000_000
COMMAND = "11111111-1111-4111-8111-111111111111"
PAYER = "22222222-2222-4222-8222-222222222222"
PAYEE = "33333333-3333-4333-8333-333333333333"
LEASE = "44444444-4444-4444-8444-444444444444"
ENTITY = "55555555-5555-4555-8555-555555555555"

INITIATE_SPARSE = InitiatePayment(
    command_id=COMMAND,
    tenant_id=TENANT,
    idempotency_key="rent-2026-12",
    payer_account_id=PAYER,
    payee_account_id=PAYEE,
    amount_minor=1,
    payment_rail_type="instant",
    requested_at_us=AT_US,
)
INITIATE_FULL = replace(
    INITIATE_SPARSE,
    idempotency_key="directpay:rückzahlung",
    lease_id=LEASE,
    amount_minor=100_000_000,
    payment_rail_type="standard_ach",
    description="Dezember – Miete 🏠",
    metadata_json='{"unit":"4b"}',
    effective_date="2026-12-01",
    refund_of=ENTITY,
)
CANCEL = CancelPayment(tenant_id=TENANT, idempotency_key="rent-2026-12", cancel_key="stop", requested_at_us=AT_US + 1)
CLAIMED = RailReport(
    tenant_id=TENANT, idempotency_key="rent-2026-12", attempt=1, report=Report.CLAIMED, occurred_at_us=AT_US + 2
)
RETURNED = RailReport(
    tenant_id=TENANT,
    idempotency_key="rent-2026-12",
    attempt=1,
    report=Report.RETURNED,
    occurred_at_us=AT_US + 4,
    amount_minor=1,
    code="R01",
    reason="insufficient funds",
    source=ReportSource.DIRECTPAY,
    bank_reference="B-2",
)
REFUND_SPARSE = RefundPayment(
    command_id=COMMAND, tenant_id=TENANT, idempotency_key="rent-2026-12", refund_key="back", requested_at_us=AT_US + 5
)
REFUND_FULL = replace(
    REFUND_SPARSE, amount_minor=1, description="Rückzahlung – Miete 🏠", metadata_json='{"unit":"4b"}'
)
INITIATE_REFUND_SPARSE = InitiateRefund(
    command_id=COMMAND,
    tenant_id=TENANT,
    idempotency_key="directpay:refund:55555555-5555-5555-8555-555555555555",
    refund_of_key="rent-2026-12",
    fingerprint=b"\xfb" * 32,
    payer_account_id=PAYEE,
    payee_account_id=PAYER,
    amount_minor=1,
    payment_rail_type="instant",
    requested_at_us=AT_US + 6,
)
INITIATE_REFUND_FULL = replace(
    INITIATE_REFUND_SPARSE, lease_id=LEASE, description="Rückzahlung – Miete 🏠", metadata_json='{"unit":"4b"}'
)
REFUND_REPORT = RefundReport(
    tenant_id=TENANT,
    idempotency_key="rent-2026-12",
    refund_id=ENTITY,
    sequence=3,
    outcome=RefundOutcome.COMPLETED,
    occurred_at_us=AT_US + 7,
)


# Written out rather than decided: another rule of the lifecycle is no other wire format.
HEAD_SPARSE = Head(
    tenant_id=TENANT,
    idempotency_key="rent-2026-12",
    fingerprint=b"\xfa" * 32,
    fingerprint_version=1,
    lease_id=None,
    payer_account_id=PAYER,
    payee_account_id=PAYEE,
    amount_minor=1,
    currency="USD",
    payment_rail_type=Rail.INSTANT,
    description=None,
    metadata_json="{}",
    effective_date=None,
    refund_of=None,
    initiated_at_us=AT_US,
    due_at_us=AT_US,
    expected_settlement_at_us=AT_US + 2_000_000,
)
HEAD_FULL = replace(
    HEAD_SPARSE,
    idempotency_key="directpay:rückzahlung",
    lease_id=LEASE,
    amount_minor=100_000_000,
    payment_rail_type=Rail.STANDARD_ACH,
    description="Dezember – Miete 🏠",
    metadata_json='{"unit":"4b"}',
    effective_date="2026-12-01",
    refund_of=ENTITY,
)


def _transition(
    sequence: int, event_type: EventType, before: Status | None, after: Status, **changes: str
) -> Transition:
    return Transition(
        sequence=sequence,
        event_type=event_type,
        previous_status=before,
        new_status=after,
        occurred_at_us=AT_US + sequence,
        caused_by=COMMAND,
        changes=changes,
        hash=bytes([sequence]) * 32,
    )


INITIATED = _transition(1, EventType.INITIATED, None, Status.PENDING)
PROCESSING = _transition(2, EventType.PROCESSING, Status.PENDING, Status.PROCESSING, attempt="1")
COMPLETED = _transition(3, EventType.COMPLETED, Status.PROCESSING, Status.COMPLETED, attempt="1", bank_reference="B-1")
RETURNED_STEP = _transition(
    4, EventType.RETURNED, Status.COMPLETED, Status.RETURNED, attempt="1", failure_code="R01", failure_source="rail"
)
PENDING = Payment(
    head=HEAD_FULL, status=Status.PENDING, attempt=0, failure=None, refunded_minor=0, transitions=(INITIATED,)
)
COMPLETED_PAYMENT = Payment(
    head=HEAD_SPARSE,
    status=Status.COMPLETED,
    attempt=1,
    failure=None,
    refunded_minor=0,
    transitions=(INITIATED, PROCESSING, COMPLETED),
)
RETURNED_PAYMENT = Payment(
    head=HEAD_SPARSE,
    status=Status.RETURNED,
    attempt=1,
    failure=Failure(code="R01", reason="insufficient funds", source="rail"),
    refunded_minor=1,
    transitions=(INITIATED, PROCESSING, COMPLETED, RETURNED_STEP),
)

REJECTION_SPARSE = Rejection(
    topic="payment-commands",
    partition=0,
    offset=0,
    key=None,
    reason="undecodable",
    detail="there is no value",
    rejected_at_us=AT_US,
    raw=b"",
    raw_bytes=0,
    raw_sha256=hashlib.sha256(b"").digest(),
)
REJECTION_FULL = Rejection(
    topic="rail-reports",
    partition=7,
    offset=2**40,
    key="demo:rent-2026-12",
    reason="invalid-command",
    detail="amount: must be more than 0",
    errors=(FieldError(field="amount", message="must be more than 0"), FieldError(field="code", message="is required")),
    tenant_id=TENANT,
    payment_id=INITIATE_SPARSE.payment_id,
    entity_id=ENTITY,
    command_id=COMMAND,
    rejected_at_us=AT_US,
    raw=b"\x00\xff",
    raw_bytes=40_000,
    raw_sha256=hashlib.sha256(b"all of it").digest(),
)

SEALED = Sealed(key_id="k1", nonce=bytes(range(12)), ciphertext=b"\xee" * 20)
ENTITIES: dict[Kind, Entity] = {
    Kind.TENANT: Tenant(name="Demo"),
    Kind.API_KEY: ApiKey(name="till", scopes=(Scope.READ, Scope.WRITE), hint="x9_Z"),
    Kind.USER: User(email="alice@landlord.com", role=Role.LANDLORD, name=None),
    Kind.BANK_ACCOUNT: BankAccount(
        user_id=ENTITY, account_holder_name="Alice", account_type=AccountType.SAVINGS, token="tok_1", last4="6789"
    ),
    Kind.PROPERTY: Property(owner_id=ENTITY, address="1 Main St"),
    Kind.LEASE: Lease(
        property_id=PAYER,
        renter_id=PAYEE,
        rent_amount_minor=150_000,
        due_day=31,
        start_date=date(2026, 2, 15),
        end_date=None,
        terms_json='{"pets":true}',
    ),
    Kind.WEBHOOK_ENDPOINT: WebhookEndpoint(
        url="https://example.com/hooks", events=(EventType.COMPLETED, EventType.RETURNED)
    ),
}
_SEALED_KINDS = (Kind.API_KEY, Kind.USER, Kind.BANK_ACCOUNT, Kind.WEBHOOK_ENDPOINT)


def entity_id(kind: Kind) -> str:
    match ENTITIES[kind]:
        case Tenant():
            return TENANT
        case User(email=email):
            return user_id(TENANT, email)
        case _:
            return ENTITY


def create(kind: Kind) -> DirectoryCommand:
    return DirectoryCommand(
        command_id=COMMAND,
        action=Action.CREATE,
        entity_id=entity_id(kind),
        tenant_id=TENANT,
        kind=kind,
        fingerprint=b"\xab" * 32,
        requested_at_us=AT_US,
        entity=ENTITIES[kind],
        sealed=SEALED if kind in _SEALED_KINDS else None,
    )


def entity_record(kind: Kind) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=entity_id(kind),
        tenant_id=TENANT,
        kind=kind,
        state=State.REVOKED if kind is Kind.API_KEY else State.ACTIVE,
        version=2 if kind is Kind.API_KEY else 1,
        created_by=COMMAND,
        changed_by=PAYER if kind is Kind.API_KEY else COMMAND,
        fingerprint=b"\xab" * 32,
        created_at_us=AT_US,
        updated_at_us=AT_US + 1,
        entity=ENTITIES[kind],
    )


REVOKE = DirectoryCommand(
    command_id=COMMAND,
    action=Action.REVOKE,
    entity_id=ENTITY,
    tenant_id=TENANT,
    kind=Kind.API_KEY,
    fingerprint=b"",
    requested_at_us=AT_US,
)
GONE = WebhookEndpoint(url="http://localhost:8080/?a=b", enabled=False, disabled_reason=DisabledReason.GONE)
CHANGE = dataclasses.replace(
    create(Kind.WEBHOOK_ENDPOINT), action=Action.CHANGE, entity=GONE, sealed=None, based_on=2_147_483_647
)
CHANGED = dataclasses.replace(
    entity_record(Kind.WEBHOOK_ENDPOINT),
    version=2,
    changed_by=PAYER,
    entity=GONE,
    heard=(Heard(command_id=PAYER, fingerprint=b"\xab" * 32), Heard(command_id=PAYEE, fingerprint=b"\xcd")),
)
SECRET = DirectorySecret(entity_id=ENTITY, tenant_id=TENANT, kind=Kind.BANK_ACCOUNT, sealed=SEALED)
ACH_PAYMENT = AchPayment(
    reference=f"{ENTITY}:1",
    payment_key="demo:rent-2026-12",
    rail=Rail.SAME_DAY_ACH,
    travels_by=Rail.STANDARD_ACH,
    amount_minor=100_000_000,
    currency="USD",
    payer=AchParty(holder="Bob", account_type=AccountType.CHECKING),
    payee=AchParty(holder="Zoë", account_type=AccountType.SAVINGS),
    numbers=SEALED,
    claimed_at_us=AT_US,
    settle_by_us=AT_US + 1,
    submitted_at_us=AT_US + 2,
)
ACH_REFUND = replace(ACH_PAYMENT, is_refund=True)
ACH_PRENOTED = replace(ACH_PAYMENT, payer_account=b"\xab" * 32, is_prenoted=True)
ACH_CUT_OFF = AchCutOff(
    file_number=7,
    rail=Rail.SAME_DAY_ACH,
    deadline_us=AT_US,
    settles_at_us=AT_US + 1,
    created_at_us=AT_US - 1,
    file_id_modifier="A",
    first_sequence=9_999_999,
    entries=1,
    sender=AchSender(
        company_name="DIRECTPAY",
        company_identification="1234567890",
        entry_description="RENT",
        bank_routing_number="121042882",
        destination_routing_number="091400606",
        destination_name="FEDERAL RESERVE BANK",
        origin="121042882",
        origin_name="DIRECTPAY BANK",
        payee_class="PPD",
    ),
)
ACH_DELIVERY = AchDelivery(file_number=7, sha256=b"\xab" * 32, delivered_at_us=AT_US, settles_at_us=AT_US + 1)
ACH_SETTLEMENT = AchSettlement(file_number=7, settled_at_us=AT_US)
ACH_SETTLEMENT_OF_PRENOTES = replace(ACH_SETTLEMENT, debits_from_us=AT_US + 1)
ACH_RETURN_SPARSE = AchReturn(
    file_sha256=b"\xab" * 32,
    line=3,
    original_trace_number="121042880000001",
    code="R01",
    amount_minor=1,
    received_at_us=AT_US,
)
ACH_RETURN_FULL = replace(
    ACH_RETURN_SPARSE,
    information=SEALED,
    present_again_at_us=AT_US + 1,
    return_trace_number="231380100000001",
    settlement_day=366,
    dishonored_as="R68",
    dishonored_trace_number="121042880000002",
)
ACH_NOTICE = AchNotice(
    file_sha256=b"\xab" * 32,
    line=3,
    original_trace_number="121042880000001",
    code="C01",
    corrected=SEALED,
    received_at_us=AT_US,
)
WEBHOOK_DELIVERED = WebhookDelivery(
    endpoint_id=ENTITY,
    tenant_id=TENANT,
    payment_id=PAYER,
    sequence=3,
    event_type="payment_completed",
    attempt=1,
    tries=1,
    attempted_at_us=AT_US,
    outcome=Outcome.DELIVERED,
    status_code=204,
    duration_ms=12,
    body=b"{}",
)
WEBHOOK_RETRYING = replace(
    WEBHOOK_DELIVERED,
    attempt=12,
    tries=1,
    outcome=Outcome.RETRYING,
    status_code=None,
    error="no answer within 15 s",
    next_attempt_at_us=AT_US + 1,
    duration_ms=15_000,
    replay_id=COMMAND,
)
WEBHOOK_REPLAY_SPARSE = WebhookReplay(request_id=COMMAND, endpoint_id=ENTITY, tenant_id=TENANT, requested_at_us=AT_US)
WEBHOOK_REPLAY_FULL = replace(
    WEBHOOK_REPLAY_SPARSE, from_us=AT_US, to_us=AT_US + 1, failed_only=True, message_id=f"{PAYER}:3"
)

FINDING_SPARSE = StatementFinding(
    finding_id="ab" * 16,
    import_id="cd" * 16,
    tenant_id="",
    verdict=Verdict.UNMATCHED_HERE,
    detail="it was settled on this day, and no statement has it",
    currency="USD",
    day="2026-12-01",
    found_at_us=AT_US,
)
FINDING_FULL = StatementFinding(
    finding_id="ab" * 16,
    import_id="cd" * 16,
    tenant_id="demo",
    verdict=Verdict.MISMATCHED,
    detail="1500.01 was booked for a payment of 1500.00",
    account="SIM000000000007",
    currency="USD",
    day="2026-12-01",
    line=7,
    amount_minor=-150_001,
    expected_minor=-150_000,
    end_to_end_id="0a1b2c3d555545558555555555555555:1",
    reference="BK-1",
    trace_number="121042880000001",
    return_reason="R01",
    text="Zoë",
    payment_id="0a1b2c3d-5555-4555-8555-555555555555",
    side=Side.PAYER,
    movement=Movement.SETTLED,
    is_own=True,
    ledger_account_id="22222222-2222-4222-8222-222222222222",
    matched_by=MatchedBy.END_TO_END_ID,
    suggested_payment_id="0a1b2c3e-5555-4555-8555-555555555555",
    history=(FoundTransition(event_type="payment_initiated", occurred_at_us=AT_US),),
    found_at_us=AT_US + 1,
)
STATEMENT_IMPORT = StatementImport(
    import_id="cd" * 16,
    tenant_id="demo",
    file_sha256=b"\xab" * 32,
    name="20261201.xml",
    is_whole=True,
    bookings=10,
    known=1,
    matched=2,
    repaired=3,
    mismatched=1,
    duplicates=2,
    unmatched_at_bank=1,
    unmatched_here=4,
    statements=2,
    unproven=1,
    imported_at_us=AT_US,
)
STATEMENT_PROOF = StatementProof(
    import_id="cd" * 16,
    tenant_id="demo",
    account="SIM000000000007",
    statement_id="SIM-20261201-3",
    currency="USD",
    first_day="2026-12-01",
    last_day="2026-12-02",
    opening_minor=1,
    closing_minor=-2,
    ledger_minor=3,
    unmatched_at_bank_minor=-4,
    duplicates_minor=5,
    mismatched_minor=-6,
    ahead_minor=7,
    behind_minor=-8,
    proved_at_us=AT_US,
)
ITEM_RESOLUTION = ItemResolution(
    finding_id="ab" * 16,
    tenant_id="demo",
    resolution=Resolution.ACCEPTED,
    note="the account's fee",
    resolved_by="alice",
    resolved_at_us=AT_US,
)

SAMPLES: dict[str, Value] = {
    "initiate_sparse": INITIATE_SPARSE,
    "initiate_full": INITIATE_FULL,
    "cancel": CANCEL,
    "report_sparse": CLAIMED,
    "report_full": RETURNED,
    "refund_sparse": REFUND_SPARSE,
    "refund_full": REFUND_FULL,
    "initiate_refund_sparse": INITIATE_REFUND_SPARSE,
    "initiate_refund_full": INITIATE_REFUND_FULL,
    "refund_report": REFUND_REPORT,
    "event_pending": PENDING,
    "event_returned": RETURNED_PAYMENT,
    "rejection_sparse": REJECTION_SPARSE,
    "rejection_full": REJECTION_FULL,
    **{f"create_{kind}": create(kind) for kind in Kind},
    "change": CHANGE,
    "revoke": REVOKE,
    **{f"entity_{kind}": entity_record(kind) for kind in Kind},
    "entity_changed": CHANGED,
    "secret": SECRET,
    "ach_payment": ACH_PAYMENT,
    "ach_refund": ACH_REFUND,
    "ach_prenoted": ACH_PRENOTED,
    "ach_cut_off": ACH_CUT_OFF,
    "ach_delivery": ACH_DELIVERY,
    "ach_settlement": ACH_SETTLEMENT,
    "ach_settlement_of_prenotes": ACH_SETTLEMENT_OF_PRENOTES,
    "ach_return_sparse": ACH_RETURN_SPARSE,
    "ach_return_full": ACH_RETURN_FULL,
    "ach_notice": ACH_NOTICE,
    "finding_sparse": FINDING_SPARSE,
    "finding_full": FINDING_FULL,
    "statement_import": STATEMENT_IMPORT,
    "statement_proof": STATEMENT_PROOF,
    "item_resolution": ITEM_RESOLUTION,
    "webhook_delivered": WEBHOOK_DELIVERED,
    "webhook_retrying": WEBHOOK_RETRYING,
    "webhook_replay_sparse": WEBHOOK_REPLAY_SPARSE,
    "webhook_replay_full": WEBHOOK_REPLAY_FULL,
}
