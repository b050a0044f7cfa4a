"""A tenant never sees or uses another's things, whatever id it sends."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.e2e.tenancy import Tenancy


@pytest.fixture(scope="module")
def pair(stack: Any) -> tuple[Tenancy, Tenancy]:
    return Tenancy.open(stack.stack), Tenancy.open(stack.stack)


def test_what_belongs_to_another_tenant_is_answered_as_if_it_did_not_exist(pair: tuple[Tenancy, Tenancy]) -> None:
    mine, others = pair
    payment_id = others.pay().json()["id"]
    others.wait_for(payment_id, "completed")
    for path, theirs in [
        ("users/{}", others.landlord),
        ("bank-accounts/{}", others.payer),
        ("properties/{}", others.property),
        ("leases/{}", others.lease),
        ("leases/{}/schedule", others.lease),
        ("leases/{}/ledger", others.lease),
        ("payments/{}", payment_id),
        ("payments/{}/history", payment_id),
    ]:
        nobodys = str(uuid.uuid4())
        foreign = mine.http.get(f"/api/v1/{path.format(theirs)}")
        unknown = mine.http.get(f"/api/v1/{path.format(nobodys)}")
        assert foreign.status_code == unknown.status_code == 404, path
        assert foreign.text.replace(theirs, "ID") == unknown.text.replace(nobodys, "ID"), path
    assert mine.cancel(payment_id).status_code == 404


@pytest.mark.parametrize("field", ["payer_account_id", "payee_account_id", "lease_id"])
def test_anothers_things_cannot_be_used_in_a_payment(pair: tuple[Tenancy, Tenancy], field: str) -> None:
    mine, others = pair
    theirs = {"payer_account_id": others.payer, "payee_account_id": others.payee, "lease_id": others.lease}[field]
    answer = mine.pay(**{field: theirs})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


def test_anothers_things_cannot_be_used_in_the_directory(pair: tuple[Tenancy, Tenancy]) -> None:
    mine, others = pair
    account = {"account_holder_name": "M", "account_type": "checking"}
    account |= {"routing_number": "121042882", "account_number": "12345678"}
    lease = {"rent_amount": "1.00", "due_day": 1, "start_date": "2025-01-01"}
    for things, body, field in [
        ("bank-accounts", account | {"user_id": others.renter}, "user_id"),
        ("properties", {"owner_id": others.landlord, "address": "1 Elm"}, "owner_id"),
        ("leases", lease | {"property_id": others.property, "renter_id": mine.renter}, "property_id"),
        ("leases", lease | {"property_id": mine.property, "renter_id": others.renter}, "renter_id"),
    ]:
        answer = mine.http.post(f"/api/v1/{things}/", json=body)
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field]), things


def test_lists_hold_only_ones_own(pair: tuple[Tenancy, Tenancy]) -> None:
    mine, others = pair
    for things in ("users", "bank-accounts", "properties", "leases", "payments"):
        ids = {item["id"] for item in mine.http.get(f"/api/v1/{things}/?limit=100").json()["items"]}
        foreign = {item["id"] for item in others.http.get(f"/api/v1/{things}/?limit=100").json()["items"]}
        assert not ids & foreign
        assert foreign or things == "payments"
    payer = f"bank_account:{others.payer}"
    others.wait_for(others.pay().json()["id"], "completed")
    assert payer in {item["account"] for item in others.pages("balances/", limit=100)}
    assert payer not in {item["account"] for item in mine.pages("balances/", limit=100)}
    assert mine.http.get("/api/v1/balances/", params={"account": payer}).json()["items"] == []


def test_the_same_key_in_two_tenants_is_two_payments(pair: tuple[Tenancy, Tenancy]) -> None:
    mine, others = pair
    key = uuid.uuid4().hex
    first, second = mine.pay(key), others.pay(key, amount="2.00")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
