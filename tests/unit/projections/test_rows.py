"""Values as rows and back."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from directory.entities import (
    KINDS,
    AccountType,
    ApiKey,
    BankAccount,
    Entity,
    Lease,
    Property,
    Role,
    Scope,
    Tenant,
    User,
)
from directory.webhook_endpoint import DisabledReason, WebhookEndpoint
from payments.idempotency import is_clean_text
from payments.payment import EventType
from payments.refusals import FieldError
from payments.rejection import Rejection
from projections.named_sql import statement
from projections.views import command_outcomes, webhook_deliveries
from projections.views.entities import entity_of, fields
from tests.unit.projections.deliveries import RETRYING

USER = "11111111-1111-4111-8111-111111111111"
ENTITIES: list[Entity] = [
    Tenant(name="Demo"),
    ApiKey(name="till", scopes=(Scope.READ, Scope.WRITE), hint="wxyz"),
    User(email="alice@landlord.com", role=Role.LANDLORD, name=None),
    User(email="bob@renter.com", role=Role.RENTER, name="Bob"),
    BankAccount(user_id=USER, account_holder_name="A", account_type=AccountType.SAVINGS, token="ba_1", last4="6789"),
    Property(owner_id=USER, address="1 High Street"),
    Lease(
        property_id=USER, renter_id=USER, rent_amount_minor=150_000, due_day=31, start_date=date(2025, 2, 15),
        end_date=date(2026, 2, 14), terms_json='{"pets":true}',
    ),
    Lease(
        property_id=USER, renter_id=USER, rent_amount_minor=1, due_day=1, start_date=date(2025, 2, 15), end_date=None
    ),
    WebhookEndpoint(url="https://example.com/hooks", events=(EventType.COMPLETED, EventType.FAILED)),
    WebhookEndpoint(url="http://example.com", enabled=False, disabled_reason=DisabledReason.FAILING),
]  # fmt: skip


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: type(entity).__name__)
def test_an_entity_comes_back_from_its_column(entity: Entity) -> None:
    column = json.loads(json.dumps(fields(entity)))
    assert entity_of(KINDS[type(entity)], column) == entity


def test_every_kind_has_a_column_form() -> None:
    assert {type(entity) for entity in ENTITIES} == set(KINDS)


texts = st.text(st.characters(exclude_categories=[]), max_size=20)


@given(
    key=st.none() | texts,
    detail=texts,
    command_id=st.none() | texts | st.uuids().map(str),
    payment_id=st.none() | texts,
)
def test_whatever_a_refusal_repeats_fits_into_postgres(
    key: str | None, detail: str, command_id: str | None, payment_id: str | None
) -> None:
    refusal = Rejection(
        topic="payment-commands", partition=2, offset=7, key=key, reason="undecodable", detail=detail,
        errors=(FieldError(field=detail, message=detail),), tenant_id=key, payment_id=payment_id, command_id=command_id,
        rejected_at_us=1, raw=b"", raw_bytes=0, raw_sha256=b"",
    )  # fmt: skip
    parameters = command_outcomes.parameters(refusal)
    for value in parameters.values():
        assert not isinstance(value, str) or is_clean_text(value)
    assert "\\u0000" not in str(parameters["errors"])
    assert parameters["outcome_key"] == (parameters["command_id"] or "payment-commands/2/7")


@given(texts)
def test_whatever_an_endpoint_said_fits_into_postgres(error: str) -> None:
    row = webhook_deliveries.row(structs.replace(RETRYING, error=error))
    assert len(row) == len(webhook_deliveries.COLUMNS)
    assert all(is_clean_text(value) for value in row if isinstance(value, str))


def test_a_filter_that_is_not_given_is_not_in_the_statement() -> None:
    assert "%(status)s" not in statement("list_payments")
    given_status = statement("list_payments", frozenset({"status"}))
    assert "%(status)s" in given_status
    assert "only with" not in given_status
    assert "%(lease_id)s" not in given_status
