from __future__ import annotations

import hashlib
import json
import uuid
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from payments.idempotency import (
    FINGERPRINT_VERSION,
    KEY_CHARACTERS_MAX,
    cancel_id,
    canonical_json,
    canonical_list,
    check_key,
    is_clean_text,
    payment_id,
    payment_key,
    refund_fingerprint,
    refund_idempotency_key,
    refund_report_id,
    report_id,
)
from payments.refusals import InvalidIdempotencyKey
from tests.unit.payments.histories import MARCH, clean_text, json_values, keys, tenants

MARCH_ID = "7bc09879-635d-5c29-b8ed-4cd3306a6324"
MARCH_BODY = (
    '["5d3c1a50-4c0e-4f5d-8f5e-1a2b3c4d5e6f","11111111-1111-4111-8111-111111111111",'
    '"22222222-2222-4222-8222-222222222222",150000,"USD","standard_ach","March rent","{\\"note\\":\\"thanks\\"}"]'
)


@pytest.mark.parametrize(
    ("tenant", "key", "expected"),
    [
        ("demo", "payment-march-001", MARCH_ID),
        ("tenant", "clé é 家賃", "8c4e0fd6-28ec-53bf-b3fb-4bdeca594b30"),
    ],
)
def test_a_payment_id_is_the_published_one(tenant: str, key: str, expected: str) -> None:
    assert payment_id(tenant, key) == expected


@given(tenants, keys)
def test_a_payment_id_is_the_uuid5_of_tenant_and_key_in_our_namespace(tenant: str, key: str) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_DNS, "directpay")
    assert payment_id(tenant, key) == str(uuid.uuid5(namespace, f"{tenant}:{key}"))


@given(tenants, keys, tenants, keys)
def test_two_payments_never_share_a_kafka_key(tenant: str, key: str, other_tenant: str, other_key: str) -> None:
    same = (tenant, key) == (other_tenant, other_key)
    assert (payment_key(tenant, key) == payment_key(other_tenant, other_key)) is same


def test_ids_of_cancels_and_reports_are_the_published_ones() -> None:
    assert cancel_id(MARCH_ID, "cancel-1") == "ce7ee820-eee5-534d-80c0-c21cf81d8cc2"
    assert report_id(MARCH_ID, 1, "settled") == "a50f65db-da42-5fa1-a2fb-e1b6cb10a639"


def test_a_refunds_key_and_the_ids_of_its_reports_are_the_published_ones() -> None:
    assert refund_idempotency_key(MARCH_ID, "back") == "directpay:refund:a6547f46-e1e2-5d56-9fe8-3aff5e8e23b1"
    assert refund_report_id(MARCH_ID, 3) == "d8ae7f67-15ed-504e-b1eb-9154cd0bf9c7"


@given(keys, keys)
def test_every_refund_of_a_payment_has_a_key_of_its_own_that_is_the_systems(key: str, other: str) -> None:
    refund_key = refund_idempotency_key(MARCH_ID, key)
    assert check_key(refund_key, system=True) == refund_key
    assert refund_key.startswith("directpay:refund:")
    assert (refund_key == refund_idempotency_key(MARCH_ID, other)) is (key == other)
    assert refund_key != refund_idempotency_key(MARCH.lease_id or "", key)


def test_no_amount_is_another_body_of_a_refund_than_any_amount() -> None:
    bodies = [
        refund_fingerprint(amount_minor=amount, description=description, metadata_json=metadata)
        for amount, description, metadata in product((None, 1, 150_000), (None, "", "x"), ("{}", '{"a":1}'))
    ]
    assert len(set(bodies)) == len(bodies)


@given(clean_text, st.integers(1, 100))
def test_ids_of_cancels_and_reports_are_uuid5s_within_their_payment(key: str, attempt: int) -> None:
    assert cancel_id(MARCH_ID, key) == str(uuid.uuid5(uuid.UUID(MARCH_ID), f"cancel:{key}"))
    assert report_id(MARCH_ID, attempt, "claimed") == str(uuid.uuid5(uuid.UUID(MARCH_ID), f"report:{attempt}:claimed"))


@given(keys)
def test_any_text_without_control_characters_is_a_key(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "k" * (KEY_CHARACTERS_MAX + 1),
        "a\nb",
        "a\0b",
        "\t",
        "a\x7f",
        "a\x80b",
        "a\x9f",
        "\ud800",
        "directpay:rent:1",
    ],
)
def test_a_key_that_is_missing_overlong_unprintable_or_the_systems_is_refused(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey) as refusal:
        check_key(key)
    assert [error.field for error in refusal.value.errors] == ["idempotency_key"]


@pytest.mark.parametrize(
    "key", ["k", "k" * KEY_CHARACTERS_MAX, "家" * KEY_CHARACTERS_MAX, " ", "directpay", "Directpay:x"]
)
def test_keys_at_the_edge_of_the_rule_are_taken(key: str) -> None:
    assert check_key(key) == key


def test_the_system_uses_its_own_prefix() -> None:
    assert check_key("directpay:refund:1", system=True) == "directpay:refund:1"


@given(st.text())
def test_clean_text_is_what_utf_8_and_postgres_can_hold(text: str) -> None:
    try:
        text.encode()
        holdable = "\0" not in text
    except UnicodeEncodeError:
        holdable = False
    assert is_clean_text(text) is holdable


@given(json_values)
def test_canonical_json_is_read_back_as_the_value_and_is_a_fixed_point(value: Any) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_numbers_that_json_cannot_say_have_no_canonical_json(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


texts_of_hashes = st.none() | clean_text | st.integers(-(2**63), 2**63 - 1) | st.dictionaries(clean_text, clean_text)


@given(st.lists(texts_of_hashes))
def test_the_fast_encoder_of_hashes_gives_the_bytes_of_canonical_json(parts: list[Any]) -> None:
    assert canonical_list(parts) == canonical_json(parts).encode()


def test_a_fingerprint_of_version_1_is_the_published_one() -> None:
    assert FINGERPRINT_VERSION == 1
    assert MARCH.fingerprint.hex() == "5d76054af648556366049fda8400f6b6b4a2a7590184abedd53548db3e3462b8"
    assert MARCH.fingerprint == hashlib.sha256(MARCH_BODY.encode()).digest()
    assert MARCH.fingerprint_by(1) == MARCH.fingerprint


def test_a_fingerprint_covers_an_effective_date_only_when_there_is_one() -> None:
    dated = MARCH_BODY.removesuffix("]") + ',"2025-03-01"]'
    assert replace(MARCH, effective_date="2025-03-01").fingerprint == hashlib.sha256(dated.encode()).digest()


def test_an_unknown_version_of_the_fingerprint_stops_the_process() -> None:
    with pytest.raises(AssertionError, match="version 2"):
        MARCH.fingerprint_by(2)


@pytest.mark.parametrize(
    "change",
    [
        {"lease_id": None},
        {"lease_id": "33333333-3333-4333-8333-333333333333"},
        {"payer_account_id": "33333333-3333-4333-8333-333333333333"},
        {"payee_account_id": "33333333-3333-4333-8333-333333333333"},
        {"amount_minor": 150_001},
        {"payment_rail_type": "wire"},
        {"description": None},
        {"description": ""},
        {"description": "March rent "},
        {"metadata_json": "{}"},
        {"metadata_json": '{"note":"thanks!"}'},
        {"effective_date": "2025-03-01"},
    ],
    ids=str,
)
def test_another_body_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert replace(MARCH, **change).fingerprint != MARCH.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"command_id": MARCH_ID},
        {"requested_at_us": MARCH.requested_at_us + 1},
        {"idempotency_key": "k"},
        {"tenant_id": "t"},
    ],
    ids=str,
)
def test_what_the_caller_did_not_choose_as_terms_is_not_in_the_fingerprint(change: dict[str, Any]) -> None:
    assert replace(MARCH, **change).fingerprint == MARCH.fingerprint
