from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.commands import (
    ATTEMPTS_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    REASON_CHARACTERS_MAX,
    InitiatePayment,
    Order,
    RefundOutcome,
    Report,
)
from payments.fields import YEAR_2000_US, YEAR_2200_US
from payments.refunds import refund_command
from payments.refusals import InvalidCommand
from tests.unit.payments.histories import (
    MARCH,
    PAYER,
    amounts_minor,
    cancelled,
    claimed,
    clean_text,
    keys,
    refund,
    refund_told,
    rejected,
    replay,
    returned,
    settled,
    tenants,
)

LEASE_UPPER = "5D3C1A50-4C0E-4F5D-8F5E-1A2B3C4D5E6F"
NOT_UUIDS = [
    "", "acct_alice_123", LEASE_UPPER, "5d3c1a504c0e4f5d8f5e1a2b3c4d5e6f", "{" + PAYER + "}", f"urn:uuid:{PAYER}",
    PAYER + "\n", PAYER[:-1] + "１",
]  # fmt: skip
ACCOUNTS_AND_LEASE = ("lease_id", "payer_account_id", "payee_account_id")
NOT_TENANTS = ["", "a:b", ":", "t" * 65, "a\nb", "a\0", "\ud800"]
NOT_KEYS = ["", "k" * 256, "a\nb", "a\0b", "\ud800"]
NOT_TIMES = [0, -1, YEAR_2000_US - 1, YEAR_2200_US, 1_740_061_920, 1_740_061_920_000, 1_740_061_920_000_000_000]
NOT_AMOUNTS = [0, -1, 100_000_001, True, 1.5, 10**30]


def faults(order: Order, **change: Any) -> set[str]:
    """Return the fields at fault in `order` with a change."""
    with pytest.raises(InvalidCommand) as refusal:
        replace(order, **change)
    assert all(error.message for error in refusal.value.errors)
    assert all(error.field in refusal.value.detail for error in refusal.value.errors)
    return {error.field for error in refusal.value.errors}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[("command_id", text, "command_id") for text in NOT_UUIDS],
        *[("lease_id", text, "lease_id") for text in NOT_UUIDS],
        *[("payer_account_id", text, "payer_account_id") for text in NOT_UUIDS],
        *[("payee_account_id", text, "payee_account_id") for text in NOT_UUIDS],
        *[("refund_of", text, "refund_of") for text in NOT_UUIDS],
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in [*NOT_KEYS, "directpay:rent:2025-03"]],
        *[("requested_at_us", at_us, "requested_at") for at_us in NOT_TIMES],
        *[("amount_minor", minor, "amount") for minor in NOT_AMOUNTS],
        *[("currency", text, "currency") for text in ["", "usd", "EUR", "USDC"]],
        *[("payment_rail_type", text, "payment_rail_type") for text in ["", "INSTANT", "swift", "carrier pigeon"]],
        *[("description", text, "description") for text in ["x" * (DESCRIPTION_CHARACTERS_MAX + 1), "\0", "\ud800"]],
        *[("metadata_json", text, "metadata") for text in ["", "null", "[]", '{"a": 1}', '{"a":"\\u0000"}']],
        *[
            ("effective_date", text, "effective_date")
            for text in [
                "", "20250301", "2025-3-1", "2025-02-29", "2025-W09-6", "1999-12-31", "2200-01-01", "0000-01-01",
                "2025-03-01T00:00", "２０２５-03-01", "2025-03-01\n", "\ud800",
            ]
        ],
    ],
)  # fmt: skip
def test_a_field_that_breaks_a_rule_is_named(field: str, value: Any, named: str) -> None:
    assert faults(MARCH, **{field: value}) == {named}


def test_payer_and_payee_differ() -> None:
    assert faults(MARCH, payee_account_id=PAYER) == {"payee_account_id"}


def test_every_fault_is_named_at_once() -> None:
    assert faults(
        MARCH, amount_minor=0, currency="EUR", payment_rail_type="swift", tenant_id="a:b", description="\0"
    ) == {
        "amount",
        "currency",
        "payment_rail_type",
        "tenant_id",
        "description",
    }


def test_the_systems_own_keys_name_refunds() -> None:
    refund = replace(MARCH, refund_of=MARCH.payment_id, idempotency_key="directpay:refund:1")
    assert refund.payment_id != MARCH.payment_id


@given(
    tenants, keys, amounts_minor, st.none() | clean_text.map(lambda text: text[:DESCRIPTION_CHARACTERS_MAX]), st.dates()
)
def test_whatever_keeps_the_rules_is_a_command(
    tenant: str, key: str, minor: int, description: str | None, day: Any
) -> None:
    order = replace(MARCH, tenant_id=tenant, idempotency_key=key, amount_minor=minor, description=description)
    assert order.key == f"{tenant}:{key}"
    assert order.id == order.command_id
    if 2000 <= day.year < 2200:
        assert replace(order, effective_date=day.isoformat()).effective_date == day.isoformat()
    else:
        assert faults(order, effective_date=day.isoformat()) == {"effective_date"}


@given(st.text(), st.text())
def test_a_tenant_and_a_key_either_make_a_kafka_key_that_is_theirs_alone_or_are_refused(tenant: str, key: str) -> None:
    try:
        order = replace(MARCH, tenant_id=tenant, idempotency_key=key)
    except InvalidCommand:
        return
    assert order.key.encode().decode().split(":", 1) == [tenant, key]


def test_a_command_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        MARCH.amount_minor = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in NOT_KEYS],
        *[("cancel_key", text, "cancel_key") for text in NOT_KEYS],
        *[("requested_at_us", at_us, "requested_at") for at_us in NOT_TIMES],
    ],
)
def test_a_cancel_that_breaks_a_rule_names_the_field(field: str, value: Any, named: str) -> None:
    assert faults(cancelled(), **{field: value}) == {named}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in NOT_KEYS],
        *[("occurred_at_us", at_us, "occurred_at") for at_us in NOT_TIMES],
        *[("amount_minor", minor, "amount") for minor in NOT_AMOUNTS],
        *[("attempt", attempt, "attempt") for attempt in [0, -1, ATTEMPTS_MAX + 1]],
        *[("code", text, "code") for text in [None, "", "c" * 65, "\0"]],
        *[("reason", text, "reason") for text in ["r" * (REASON_CHARACTERS_MAX + 1), "\0", "\ud800"]],
        *[("bank_reference", text, "bank_reference") for text in ["r" * (REASON_CHARACTERS_MAX + 1), "\0"]],
    ],
)
def test_a_report_that_breaks_a_rule_names_the_field(field: str, value: Any, named: str) -> None:
    assert faults(rejected(), **{field: value}) == {named}


NOT_DESCRIPTIONS = ["d" * (DESCRIPTION_CHARACTERS_MAX + 1), "\0"]
NOT_METADATA = ["[]", '{"a": 1}', "", '{"b":1,"a":2}']


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[("command_id", text, "command_id") for text in NOT_UUIDS],
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in NOT_KEYS],
        *[("refund_key", text, "refund_key") for text in NOT_KEYS],
        *[("amount_minor", minor, "amount") for minor in NOT_AMOUNTS],
        *[("description", text, "description") for text in NOT_DESCRIPTIONS],
        *[("metadata_json", text, "metadata") for text in NOT_METADATA],
        *[("requested_at_us", at_us, "requested_at") for at_us in NOT_TIMES],
    ],
)
def test_a_refund_that_breaks_a_rule_names_the_field(field: str, value: Any, named: str) -> None:
    assert faults(refund(), **{field: value}) == {named}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[(field, text, field) for field in ACCOUNTS_AND_LEASE for text in NOT_UUIDS],
        *[("command_id", text, "command_id") for text in NOT_UUIDS],
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in NOT_KEYS],
        *[("refund_of_key", text, "refund_of_key") for text in NOT_KEYS],
        *[("fingerprint", raw, "fingerprint") for raw in (b"", b"f" * 31, b"f" * 33)],
        *[("amount_minor", minor, "amount") for minor in NOT_AMOUNTS],
        *[("description", text, "description") for text in NOT_DESCRIPTIONS],
        *[("metadata_json", text, "metadata") for text in NOT_METADATA],
        *[("requested_at_us", at_us, "requested_at") for at_us in NOT_TIMES],
        ("currency", "EUR", "currency"),
        ("payment_rail_type", "swift", "payment_rail_type"),
    ],
)
def test_the_command_of_a_refund_that_breaks_a_rule_names_the_field(field: str, value: Any, named: str) -> None:
    completed = replay(MARCH, claimed(), settled())
    assert faults(refund_command(refund(), completed, 1), **{field: value}) == {named}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        *[("tenant_id", text, "tenant_id") for text in NOT_TENANTS],
        *[("idempotency_key", text, "idempotency_key") for text in NOT_KEYS],
        *[("refund_id", text, "refund_id") for text in NOT_UUIDS],
        *[("sequence", sequence, "sequence") for sequence in (0, -1)],
        *[("occurred_at_us", at_us, "occurred_at") for at_us in NOT_TIMES],
    ],
)
def test_what_a_refund_tells_that_breaks_a_rule_names_the_field(field: str, value: Any, named: str) -> None:
    assert faults(refund_told(RefundOutcome.COMPLETED), **{field: value}) == {named}


def test_a_return_needs_a_code_and_a_settlement_does_not() -> None:
    assert faults(returned(), code=None) == {"code"}
    assert settled().code is None


def test_reports_cancels_and_refunds_travel_under_their_payments_key() -> None:
    told = refund_told(RefundOutcome.COMPLETED)
    orders: list[Order] = [MARCH, cancelled(), claimed(), settled(), returned(), refund(), told]
    assert {order.key for order in orders} == {"demo:payment-march-001"}
    assert {order.payment_id for order in orders} == {MARCH.payment_id}


def test_a_report_is_known_by_its_attempt_and_kind_and_not_by_its_words_or_time() -> None:
    assert replace(settled(), occurred_at_us=YEAR_2000_US, bank_reference=None).id == settled().id
    assert replace(rejected(), code="R04", reason="other words").id == rejected().id
    attempts = {claimed(attempt=attempt).id for attempt in (1, 2, ATTEMPTS_MAX)}
    kinds = {replace(rejected(), report=report).id for report in Report}
    assert (len(attempts), len(kinds)) == (3, len(Report))


def test_a_cancel_is_known_by_its_key_within_its_payment() -> None:
    assert cancelled("a").id == replace(cancelled("a"), requested_at_us=YEAR_2000_US).id
    assert cancelled("a").id != cancelled("b").id
    assert cancelled("a").id != replace(cancelled("a"), idempotency_key="another").id


def test_a_command_needs_no_lease_description_or_metadata() -> None:
    bare = InitiatePayment(
        command_id=MARCH.command_id,
        tenant_id="demo",
        idempotency_key="k",
        payer_account_id=MARCH.payer_account_id,
        payee_account_id=MARCH.payee_account_id,
        amount_minor=1,
        payment_rail_type="instant",
        requested_at_us=MARCH.requested_at_us,
    )
    assert (bare.currency, bare.metadata_json, bare.lease_id, bare.description) == ("USD", "{}", None, None)
