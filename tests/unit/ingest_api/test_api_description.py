"""The description says what the routes do, no more and no less."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from starlette.routing import Route

from directory.entities import Kind, keyed_id, user_id
from ingest_api.api_description import openapi, operations
from ingest_api.app import app_with
from ingest_api.examples import Examples, prepared
from payments.commands import InitiatePayment
from payments.idempotency import payment_id
from tests.unit.ingest_api.small_pipeline import SmallPipeline, parts_on

# Pages and documents for people and tools, and a registry call that only clients make.
UNDESCRIBED = {
    "/", "/dashboard", "/dashboard/assets/{name}", "/dashboard/panels.json", "/docs", "/docs/assets/{name}",
    "/docs/problems", "/openapi.json", "/schemas/ids/{schema_id}/versions",
}  # fmt: skip


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def test_every_route_is_described_and_every_description_has_its_route() -> None:
    app = app_with(parts_on(SmallPipeline()))
    routes = {
        (method.lower(), _shape(route.path))
        for route in app.routes
        if isinstance(route, Route) and route.path not in UNDESCRIBED
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {(o.method, _shape(o.path)) for o in operations(Examples(tenant_id="demo", today=date(2026, 8, 9)))}
    assert routes == described


@pytest.mark.parametrize(
    ("today", "first_of_next_month"),
    [
        (date(2026, 8, 9), "2026-09-01"),
        (date(2026, 11, 30), "2026-12-01"),
        (date(2026, 12, 1), "2027-01-01"),
        (date(2026, 12, 31), "2027-01-01"),
        (date(2028, 1, 31), "2028-02-01"),
    ],
)
def test_the_batch_orders_next_months_rent_and_the_cancel_names_it(today: date, first_of_next_month: str) -> None:
    examples = Examples(tenant_id="demo", today=today)
    rent = examples.batch[0]
    assert rent["effective_date"] == first_of_next_month
    assert rent["idempotency_key"] == f"rent-{first_of_next_month[:7]}"
    document = openapi(examples, version="1")
    cancel = document["paths"]["/api/v1/payments/{id}/cancel"]["post"]
    assert cancel["parameters"][0]["example"] == payment_id("demo", rent["idempotency_key"])


def test_the_examples_name_the_ids_that_their_keys_and_e_mails_give() -> None:
    examples = Examples(tenant_id="demo", today=date(2026, 8, 9))
    people = dict(prepared("demo"))
    assert user_id("demo", people["/api/v1/users/"]["email"]) == examples.lease["renter_id"]
    account = people["/api/v1/bank-accounts/"]
    assert account["user_id"] == examples.lease["renter_id"]
    assert keyed_id("demo", Kind.BANK_ACCOUNT, account["idempotency_key"]) == examples.payment["payer_account_id"]
    assert keyed_id("demo", Kind.LEASE, examples.lease["idempotency_key"]) == examples.payment["lease_id"]


def test_every_field_of_a_payment_is_described() -> None:
    taken = openapi(Examples(tenant_id="demo", today=date(2026, 8, 9)), version="1")["components"]["schemas"]
    ours = {"command_id", "tenant_id", "requested_at_us", "refund_of"}
    named = {"amount_minor": "amount", "metadata_json": "metadata"}
    fields = {named.get(name, name) for name in InitiatePayment.__struct_fields__ if name not in ours}
    assert set(taken["NewPayment"]["properties"]) == fields


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi(Examples(tenant_id="demo", today=date(2026, 8, 9)), version="1")

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(item) for item in value.values()))
        return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()

    found = references(document)
    assert found
    assert {name.rpartition("/")[2] for name in found} <= set(document["components"]["schemas"])
