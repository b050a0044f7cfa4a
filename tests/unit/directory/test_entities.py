from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    account_number_errors,
    check_digit,
    check_tenant_id,
    keyed_id,
    user_id,
)
from directory.webhook_endpoint import WebhookEndpoint
from payments.payment import EventType
from payments.refusals import InvalidCommand

ALICE = "11111111-1111-4111-8111-111111111111"
BOB = "22222222-2222-4222-8222-222222222222"

TENANT = Tenant(name="Acme Lettings")
API_KEY = ApiKey(name="ci", scopes=(Scope.READ, Scope.WRITE), hint="x9Zk")
USER = User(email="alice@landlord.com", role=Role.LANDLORD, name="Alice")
ACCOUNT = BankAccount(
    user_id=ALICE, account_holder_name="Alice A.", account_type=AccountType.CHECKING, token="ba_3f9c", last4="6789"
)
PROPERTY = Property(owner_id=ALICE, address="123 Oak Street")
LEASE = Lease(
    property_id=ALICE, renter_id=BOB, rent_amount_minor=150_000, due_day=1, start_date=date(2025, 2, 15), end_date=None
)
ENDPOINT = WebhookEndpoint(url="https://example.com/hooks", events=(EventType.COMPLETED,))
ENTITIES: list[Entity] = [TENANT, API_KEY, USER, ACCOUNT, PROPERTY, LEASE, ENDPOINT]
NOT_TEXT = ["", "   ", "x" * 201, "\0", "\ud800"]
NOT_UUIDS = ["", "acct_alice_123", ALICE.replace("-", ""), "A" * 8 + ALICE[8:], ALICE + "\n"]


def faults(entity: Entity, **change: Any) -> list[str]:
    with pytest.raises(InvalidCommand) as refusal:
        replace(entity, **change)
    return [error.field for error in refusal.value.errors]


def test_every_kind_has_its_entity() -> None:
    assert [KINDS[type(entity)] for entity in ENTITIES] == list(Kind)


@pytest.mark.parametrize(
    ("entity", "field", "value"),
    [
        *[(TENANT, "name", text) for text in NOT_TEXT],
        *[(API_KEY, "name", text) for text in NOT_TEXT],
        *[(API_KEY, "hint", text) for text in ["", "abcde", "\ud800"]],
        *[(API_KEY, "scopes", scopes) for scopes in [(), (Scope.READ, Scope.READ)]],
        *[(USER, "name", text) for text in NOT_TEXT],
        *[(ACCOUNT, "user_id", text) for text in NOT_UUIDS],
        *[(ACCOUNT, "account_holder_name", text) for text in NOT_TEXT],
        *[(ACCOUNT, "token", text) for text in NOT_TEXT],
        *[(ACCOUNT, "last4", text) for text in ["", "678", "123456789", "678a", "６７８９", "6789\n"]],
        *[(PROPERTY, "owner_id", text) for text in NOT_UUIDS],
        *[(PROPERTY, "address", text) for text in NOT_TEXT],
        *[(LEASE, "property_id", text) for text in NOT_UUIDS],
        *[(LEASE, "renter_id", text) for text in NOT_UUIDS],
        *[(LEASE, "due_day", day) for day in [0, -1, 32]],
        (LEASE, "end_date", date(2025, 2, 14)),
    ],
)
def test_an_entity_that_makes_no_sense_names_the_field(entity: Entity, field: str, value: Any) -> None:
    assert faults(entity, **{field: value}) == [field]


@pytest.mark.parametrize("minor", [0, -1, 100_000_001])
def test_rent_is_an_amount(minor: int) -> None:
    assert faults(LEASE, rent_amount_minor=minor) == ["rent_amount"]


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a":"\ud800"}', '{"a":"' + "x" * 8192 + '"}'])
def test_terms_are_canonical_json_within_their_bound(text: str) -> None:
    assert faults(LEASE, terms_json=text) == ["terms"]
    assert replace(LEASE, terms_json='{"deposit":"500.00"}').terms_json == '{"deposit":"500.00"}'


def test_every_fault_of_an_entity_is_named_at_once() -> None:
    assert set(faults(LEASE, property_id="", renter_id="", due_day=0, rent_amount_minor=0)) == {
        "property_id",
        "renter_id",
        "due_day",
        "rent_amount",
    }


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2200, 1, 1), date.min, date.max])
def test_a_lease_outside_the_years_that_the_wire_carries_is_refused(day: date) -> None:
    assert faults(LEASE, start_date=day, end_date=None) == ["start_date"]
    assert "end_date" in faults(LEASE, end_date=day)


def test_a_lease_may_be_one_day_and_a_user_nameless() -> None:
    assert replace(LEASE, end_date=LEASE.start_date).end_date == LEASE.start_date
    assert replace(USER, name=None).name is None


@pytest.mark.parametrize(
    "email",
    ["alice@landlord.com", "a@b.co", "a.b+c@sub.example.org", "ALICE@X.COM", "o'neil@example.ie", "ж@пример.рф"],
)
def test_e_mail_addresses_are_taken_as_given(email: str) -> None:
    assert replace(USER, email=email).email == email


@pytest.mark.parametrize(
    "email",
    [
        "", "alice", "@x.com", "alice@", "alice@localhost", "alice@x.", "alice@.com", "alice@x..com", "a b@x.com",
        "alice@x.com ", "alice@x.com\n", "a@b@c.com", "a\0@x.com", "\ud800@x.com", "a@x.com" + "m" * 250,
    ],
)  # fmt: skip
def test_what_is_no_e_mail_address_is_refused(email: str) -> None:
    assert faults(USER, email=email) == ["email"]


def test_ids_of_users_and_keyed_entities_are_the_published_ones() -> None:
    assert user_id("demo", "alice@landlord.com") == "ee35289c-c311-53c2-92a3-4e34741d817d"
    assert keyed_id("demo", Kind.LEASE, "k") == "da2d00da-8862-5bce-a228-b9d0dd82c58c"


def test_an_e_mail_has_one_user_a_tenant_however_it_is_written() -> None:
    assert user_id("demo", " Alice@Landlord.COM") == user_id("demo", "alice@landlord.com")
    assert user_id("demo", "zoe\u0308@x.com") == user_id("demo", "zo\u00eb@x.com")
    assert user_id("demo", "alice@landlord.com") != user_id("other", "alice@landlord.com")
    assert user_id("demo", "straße@x.com") != user_id("demo", "strasse@x.com")


@given(st.sampled_from(Kind), st.text(), st.sampled_from(Kind), st.text())
def test_a_keyed_id_is_of_one_kind_and_key_and_never_a_users(kind: Kind, key: str, other: Kind, other_key: str) -> None:
    try:
        one, two = keyed_id("demo", kind, key), keyed_id("demo", other, other_key)
        user = user_id("demo", key)
    except UnicodeEncodeError:
        return  # A lone surrogate: `check_key` refuses such a key before.
    assert (one == two) is ((kind, key) == (other, other_key))
    assert one != user
    assert str(uuid.UUID(one)) == one


@pytest.mark.parametrize("text", ["demo", "a", "0", "acme-lettings_2", "t" * 64])
def test_a_tenant_id_is_lower_case_text_without_a_colon(text: str) -> None:
    assert check_tenant_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "a:b", ":", "Demo", "-a", "_a", "t" * 65, "a b", "a\n", "dé", "ａ", "a/b", "a.b", "\ud800", "a\0"]
)
def test_what_is_no_tenant_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        check_tenant_id(text)
    assert [error.field for error in refusal.value.errors] == ["id"]


@pytest.mark.parametrize(
    ("first_eight", "digit"), [("23138010", 4), ("12104288", 2), ("09140060", 6), ("02100002", 1), ("00000000", 0)]
)
def test_a_check_digit_is_nachas(first_eight: str, digit: int) -> None:
    assert check_digit(first_eight) == digit
    assert account_number_errors(f"{first_eight}{digit}", "123456789") == []


@given(st.integers(0, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_of_a_routing_number_is_always_found(first: int, place: int, off: int) -> None:
    right = f"{first:08d}{check_digit(f'{first:08d}')}"
    assert account_number_errors(right, "1234") == []
    wrong = f"{right[:place]}{(int(right[place]) + off) % 10}{right[place + 1 :]}"
    assert [error.field for error in account_number_errors(wrong, "1234")] == ["routing_number"]


@given(st.integers(0, 99_999_999), st.integers(0, 7))
def test_neighbours_that_changed_places_are_found_unless_they_differ_by_five(first: int, place: int) -> None:
    right = f"{first:08d}{check_digit(f'{first:08d}')}"
    swapped = f"{right[:place]}{right[place + 1]}{right[place]}{right[place + 2 :]}"
    hidden = abs(int(right[place]) - int(right[place + 1])) in (0, 5)
    assert (account_number_errors(swapped, "1234") == []) is hidden


@pytest.mark.parametrize(
    "number", ["", "02100002", "0210000210", "02100002a", "０21000021", " 21000021", "021000021\n"]
)
def test_a_routing_number_has_nine_ascii_digits(number: str) -> None:
    assert [error.field for error in account_number_errors(number, "123456789")] == ["routing_number"]


@pytest.mark.parametrize("number", ["", "123", "1" * 18, "12a4", "１２３４", "12 34", "1234\n", "-1234"])
def test_an_account_number_has_four_to_seventeen_ascii_digits(number: str) -> None:
    assert [error.field for error in account_number_errors("021000021", number)] == ["account_number"]


def test_both_numbers_are_named_and_neither_is_shown() -> None:
    errors = account_number_errors("021000022", "12345678901234567890")
    assert [error.field for error in errors] == ["routing_number", "account_number"]
    assert not any(number in error.message for error in errors for number in ("021000022", "12345678901234567890"))


@pytest.mark.parametrize("number", ["10001", "20001", "30000", "30003"])
def test_the_simulated_banks_test_values_are_account_numbers(number: str) -> None:
    assert account_number_errors("021000021", number) == []
