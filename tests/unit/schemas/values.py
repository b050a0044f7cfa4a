"""Any value of ours, for properties of the codec: every field over its whole range."""

from __future__ import annotations

import hashlib
from datetime import date

from hypothesis import strategies as st
from msgspec.structs import replace

from directory.changes import CHANGEABLE, Action, DirectoryCommand, DirectoryRecord, DirectorySecret, Heard, State
from directory.entities import (
    KINDS,
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
from payments.commands import ATTEMPTS_MAX, CancelPayment, InitiatePayment, RailReport, Report, ReportSource
from payments.fields import YEAR_2000_US, YEAR_2200_US
from payments.idempotency import canonical_json
from payments.metadata import metadata_faults
from payments.money import AMOUNT_MINOR_MAX
from payments.payment import EventType, Failure, Head, Payment, Status, Transition
from payments.rails import Rail
from payments.refund_orders import InitiateRefund, RefundOutcome, RefundPayment, RefundReport
from payments.refusals import FieldError
from payments.rejection import RAW_BYTES_MAX, Rejection
from schemas.deliveries import Outcome, WebhookDelivery, WebhookRecord, WebhookReplay
from schemas.origination import (
    AchCutOff,
    AchDelivery,
    AchNotice,
    AchParty,
    AchPayment,
    AchRecord,
    AchReturn,
    AchSender,
    AchSettlement,
)

LONG_MAX = 2**63 - 1
INT_MAX = 2**31 - 1

# What every store can hold: no NUL, no lone surrogate.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60)
names = texts.filter(lambda text: bool(text.strip()))
plain = st.characters(exclude_categories=["Cc", "Cs"])
keys = st.text(plain, min_size=1, max_size=255).filter(lambda key: not key.startswith("directpay:"))
tenants = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=64)
uuids = st.uuids().map(str)
times = st.integers(YEAR_2000_US, YEAR_2200_US - 1)
amounts = st.integers(1, AMOUNT_MINOR_MAX)
dates = st.dates(date(2000, 1, 1), date(2199, 12, 31))
hashes = st.binary(min_size=32, max_size=32)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
metadata = (
    st.dictionaries(texts, json_values, max_size=4).map(canonical_json).filter(lambda t: not metadata_faults("m", t))
)

initiates = st.builds(
    InitiatePayment,
    command_id=uuids,
    tenant_id=tenants,
    idempotency_key=keys,
    lease_id=st.none() | uuids,
    payer_account_id=st.just("00000000-0000-4000-8000-000000000001") | uuids,
    payee_account_id=st.just("00000000-0000-4000-8000-000000000002"),
    amount_minor=amounts,
    payment_rail_type=st.sampled_from(list(Rail)).map(str),
    description=st.none() | texts,
    metadata_json=metadata,
    effective_date=st.none() | dates.map(str),
    refund_of=st.none() | uuids,
    requested_at_us=times,
)
cancels = st.builds(CancelPayment, tenant_id=tenants, idempotency_key=keys, cancel_key=keys, requested_at_us=times)
reports = st.builds(
    RailReport,
    tenant_id=tenants,
    idempotency_key=keys,
    attempt=st.integers(1, ATTEMPTS_MAX),
    report=st.sampled_from(Report),
    occurred_at_us=times,
    amount_minor=st.none() | amounts,
    code=names,
    reason=st.none() | texts,
    source=st.sampled_from(ReportSource),
    bank_reference=st.none() | texts,
)
refunds = st.builds(
    RefundPayment,
    command_id=uuids,
    tenant_id=tenants,
    idempotency_key=keys,
    refund_key=keys,
    amount_minor=st.none() | amounts,
    description=st.none() | texts,
    metadata_json=metadata,
    requested_at_us=times,
)
refund_initiates = st.builds(
    InitiateRefund,
    command_id=uuids,
    tenant_id=tenants,
    idempotency_key=keys.map(lambda key: f"directpay:{key}"[:255]),
    refund_of_key=keys,
    fingerprint=hashes,
    lease_id=st.none() | uuids,
    payer_account_id=uuids,
    payee_account_id=uuids,
    amount_minor=amounts,
    payment_rail_type=st.sampled_from(list(Rail)).map(str),
    description=st.none() | texts,
    metadata_json=metadata,
    requested_at_us=times,
)
refund_reports = st.builds(
    RefundReport,
    tenant_id=tenants,
    idempotency_key=keys,
    refund_id=uuids,
    sequence=st.integers(1, INT_MAX),
    outcome=st.sampled_from(RefundOutcome),
    occurred_at_us=times,
)

heads = st.builds(
    Head,
    tenant_id=tenants,
    idempotency_key=keys,
    fingerprint=hashes,
    fingerprint_version=st.integers(1, INT_MAX),
    lease_id=st.none() | uuids,
    payer_account_id=uuids,
    payee_account_id=uuids,
    amount_minor=amounts,
    currency=st.just("USD"),
    payment_rail_type=st.sampled_from(Rail),
    description=st.none() | texts,
    metadata_json=metadata,
    effective_date=st.none() | dates.map(str),
    refund_of=st.none() | uuids,
    initiated_at_us=times,
    due_at_us=times,
    expected_settlement_at_us=times,
)
transitions = st.builds(
    Transition,
    sequence=st.just(0),
    event_type=st.sampled_from(EventType),
    previous_status=st.none() | st.sampled_from(Status),
    new_status=st.sampled_from(Status),
    occurred_at_us=times,
    caused_by=uuids,
    changes=st.dictionaries(texts, texts, max_size=4),
    hash=hashes,
)


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    steps = draw(st.lists(transitions, min_size=1, max_size=8))
    numbered = tuple(replace(step, sequence=number) for number, step in enumerate(steps, start=1))
    return Payment(
        head=draw(heads),
        status=numbered[-1].new_status,
        attempt=draw(st.integers(0, INT_MAX)),
        failure=draw(st.none() | st.builds(Failure, code=texts, reason=texts, source=texts)),
        refunded_minor=draw(st.integers(0, LONG_MAX)),
        transitions=numbered,
    )


@st.composite
def rejections(draw: st.DrawFn) -> Rejection:
    value = draw(st.binary(max_size=200) | st.just(b"x" * (RAW_BYTES_MAX + 1)))
    return Rejection(
        topic=draw(names),
        partition=draw(st.integers(0, INT_MAX)),
        offset=draw(st.integers(0, LONG_MAX)),
        key=draw(st.none() | texts),
        reason=draw(names),
        detail=draw(texts),
        errors=tuple(draw(st.lists(st.builds(FieldError, field=texts, message=texts), max_size=3))),
        tenant_id=draw(st.none() | texts),
        payment_id=draw(st.none() | uuids),
        entity_id=draw(st.none() | texts),
        command_id=draw(st.none() | uuids),
        rejected_at_us=draw(times),
        raw=value[:RAW_BYTES_MAX],
        raw_bytes=len(value),
        raw_sha256=hashlib.sha256(value).digest(),
    )


@st.composite
def leases(draw: st.DrawFn) -> Lease:
    start = draw(dates)
    return Lease(
        property_id=draw(uuids),
        renter_id=draw(uuids),
        rent_amount_minor=draw(amounts),
        due_day=draw(st.integers(1, 31)),
        start_date=start,
        end_date=draw(st.none() | st.dates(start, date(2199, 12, 31))),
        terms_json=draw(metadata),
    )


entities: st.SearchStrategy[Entity] = st.one_of(
    st.builds(Tenant, name=names),
    st.builds(
        ApiKey,
        name=names,
        scopes=st.sampled_from([(Scope.READ,), (Scope.WRITE,), (Scope.READ, Scope.WRITE)]),
        hint=st.text("abcXYZ019", min_size=1, max_size=4),
    ),
    st.builds(User, email=st.just("alice@landlord.com"), role=st.sampled_from(Role), name=st.none() | names),
    st.builds(
        BankAccount,
        user_id=uuids,
        account_holder_name=names,
        account_type=st.sampled_from(AccountType),
        token=names,
        last4=st.from_regex(r"\A[0-9]{4}\Z"),
    ),
    st.builds(Property, owner_id=uuids, address=names),
    leases(),
    st.builds(
        WebhookEndpoint,
        url=st.sampled_from(["https://example.com", "http://[::1]:8080/hooks?a=b"]),
        events=st.lists(st.sampled_from(EventType), unique=True).map(tuple),
        enabled=st.just(True),
    ),
    st.builds(
        WebhookEndpoint,
        url=st.just("https://example.com/"),
        enabled=st.just(False),
        disabled_reason=st.sampled_from(DisabledReason),
    ),
)
sealeds = st.builds(
    Sealed,
    key_id=names,
    nonce=st.binary(min_size=12, max_size=12),
    ciphertext=st.binary(min_size=1, max_size=100),
)


def _entity_id(tenant_id: str, entity: Entity, other: str) -> str:
    match entity:
        case Tenant():
            return tenant_id
        case User(email=email):
            return user_id(tenant_id, email)
        case _:
            return other


@st.composite
def directory_commands(draw: st.DrawFn) -> DirectoryCommand:
    tenant_id, entity = draw(tenants), draw(entities)
    kind = KINDS[type(entity)]
    action = draw(st.sampled_from([action for action in Action if action is not Action.CHANGE or kind in CHANGEABLE]))
    is_whole = action is not Action.REVOKE
    return DirectoryCommand(
        command_id=draw(uuids),
        action=action,
        entity_id=_entity_id(tenant_id, entity, draw(uuids)),
        tenant_id=tenant_id,
        kind=kind,
        fingerprint=draw(hashes),
        requested_at_us=draw(times),
        entity=entity if is_whole else None,
        sealed=draw(st.none() | sealeds) if is_whole else None,
        based_on=draw(st.integers(1, INT_MAX)) if action is Action.CHANGE else None,
    )


@st.composite
def directory_records(draw: st.DrawFn) -> DirectoryRecord:
    entity = draw(entities)
    return DirectoryRecord(
        entity_id=draw(uuids),
        tenant_id=draw(tenants),
        kind=KINDS[type(entity)],
        state=draw(st.sampled_from(State)),
        version=draw(st.integers(1, INT_MAX)),
        created_by=draw(uuids),
        changed_by=draw(uuids),
        fingerprint=draw(hashes),
        created_at_us=draw(times),
        updated_at_us=draw(times),
        entity=entity,
        heard=tuple(draw(st.lists(st.builds(Heard, command_id=uuids, fingerprint=hashes), max_size=2))),
    )


secrets = st.builds(DirectorySecret, entity_id=uuids, tenant_id=tenants, kind=st.sampled_from(Kind), sealed=sealeds)
ach_rails = st.sampled_from([Rail.SAME_DAY_ACH, Rail.STANDARD_ACH])
ach_parties = st.builds(AchParty, holder=texts, account_type=st.sampled_from(AccountType))
file_numbers = st.integers(1, LONG_MAX)
traces = st.integers(0, 10**15 - 1).map(lambda number: f"{number:015d}")
senders = st.builds(AchSender, **dict.fromkeys(AchSender.__struct_fields__, texts))
ach_records: st.SearchStrategy[AchRecord] = st.one_of(
    st.builds(
        AchPayment,
        reference=texts,
        payment_key=texts,
        rail=ach_rails,
        travels_by=ach_rails,
        amount_minor=amounts,
        currency=st.just("USD"),
        payer=ach_parties,
        payee=ach_parties,
        numbers=sealeds,
        claimed_at_us=times,
        settle_by_us=times,
        submitted_at_us=times,
        is_refund=st.booleans(),
        payer_account=st.none() | hashes,
        is_prenoted=st.booleans(),
    ),
    st.builds(
        AchCutOff,
        file_number=file_numbers,
        rail=ach_rails,
        deadline_us=times,
        settles_at_us=times,
        created_at_us=times,
        file_id_modifier=texts,
        first_sequence=file_numbers,
        entries=file_numbers,
        sender=senders,
    ),
    st.builds(AchDelivery, file_number=file_numbers, sha256=hashes, delivered_at_us=times, settles_at_us=times),
    st.builds(AchSettlement, file_number=file_numbers, settled_at_us=times, debits_from_us=st.none() | times),
    st.builds(
        AchReturn,
        file_sha256=hashes,
        line=file_numbers,
        original_trace_number=traces,
        code=texts,
        amount_minor=amounts,
        information=st.none() | sealeds,
        received_at_us=times,
        present_again_at_us=st.none() | times,
        return_trace_number=st.none() | traces,
        settlement_day=st.none() | st.integers(1, 366),
        dishonored_as=st.none() | texts,
        dishonored_trace_number=st.none() | traces,
    ),
    st.builds(
        AchNotice,
        file_sha256=hashes,
        line=file_numbers,
        original_trace_number=traces,
        code=texts,
        corrected=sealeds,
        received_at_us=times,
    ),
)


@st.composite
def deliveries(draw: st.DrawFn) -> WebhookDelivery:
    outcome = draw(st.sampled_from(Outcome))
    tries = draw(st.integers(1, 1000))
    return WebhookDelivery(
        endpoint_id=draw(uuids),
        tenant_id=draw(tenants),
        payment_id=draw(uuids),
        sequence=draw(st.integers(1, 1000)),
        event_type=draw(texts),
        attempt=tries + draw(st.integers(0, 1000)),
        tries=tries,
        attempted_at_us=draw(times),
        outcome=outcome,
        status_code=draw(st.none() | st.integers(100, 599)),
        error=draw(st.none() | texts),
        next_attempt_at_us=draw(times) if outcome is Outcome.RETRYING else None,
        duration_ms=draw(st.integers(0, LONG_MAX)),
        replay_id=draw(st.none() | uuids),
        body=draw(st.binary(max_size=200)),
    )


webhook_records: st.SearchStrategy[WebhookRecord] = st.one_of(
    deliveries(),
    st.builds(
        WebhookReplay,
        request_id=uuids,
        endpoint_id=uuids,
        tenant_id=tenants,
        from_us=st.none() | times,
        to_us=st.none() | times,
        failed_only=st.booleans(),
        message_id=st.none() | texts,
        requested_at_us=times,
    ),
)

values = st.one_of(
    initiates,
    cancels,
    reports,
    refunds,
    refund_initiates,
    refund_reports,
    payments(),
    rejections(),
    directory_commands(),
    directory_records(),
    secrets,
    ach_records,
    webhook_records,
)
