"""What a caller is told of a lease's ledger and of balances."""

from __future__ import annotations

from datetime import date

import pytest

from payments.ledger import clearing
from projections.queries import BalanceRow, DueDateRow
from tests.unit.ingest_api.small_pipeline import Caller, with_caller

BALANCES = "/api/v1/balances/"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PAYER = f"bank_account:{UNKNOWN}"

LEDGER = [
    DueDateRow(due_date=date(2025, 5, 1), due_minor=150_000, paid_minor=0, late=False),
    DueDateRow(due_date=date(2025, 4, 1), due_minor=150_000, paid_minor=7, late=True),
    DueDateRow(due_date=date(2025, 3, 1), due_minor=150_000, paid_minor=150_000, late=False),
]
ACCOUNTS = [
    BalanceRow(account=PAYER, currency="USD", debits_minor=150_005, credits_minor=0),
    BalanceRow(account=clearing("wire"), currency="USD", debits_minor=0, credits_minor=150_005),
]


def ledger_of(caller: Caller) -> str:
    return f"/api/v1/leases/{caller.body['lease_id']}/ledger"


def test_a_ledger_is_dates_amounts_and_what_is_late_a_page_at_a_time() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.ledgers["acme", caller.body["lease_id"]] = LEDGER
        first = (await caller.http.get(ledger_of(caller), params={"limit": 2})).json()
        assert first["items"] == [
            {"due_date": "2025-05-01", "due": "1500.00", "paid": "0.00", "late": False},
            {"due_date": "2025-04-01", "due": "1500.00", "paid": "0.07", "late": True},
        ]
        rest = (await caller.http.get(ledger_of(caller), params={"cursor": first["next_cursor"]})).json()
        paid = {"due_date": "2025-03-01", "due": "1500.00", "paid": "1500.00", "late": False}
        assert rest == {"items": [paid], "next_cursor": None}
        shouted = ledger_of(caller).replace(caller.body["lease_id"], caller.body["lease_id"].upper())
        assert len((await caller.http.get(shouted)).json()["items"]) == 3

    with_caller(story)


def test_a_lease_on_which_nothing_is_due_has_an_empty_ledger_and_an_unknown_one_none() -> None:
    async def story(caller: Caller) -> None:
        empty = await caller.http.get(ledger_of(caller))
        assert (empty.status_code, empty.json()) == (200, {"items": [], "next_cursor": None})
        caller.pipeline.ledgers["other", UNKNOWN] = LEDGER
        for lease_id in (UNKNOWN, "1", caller.body["payer_account_id"]):
            answer = await caller.http.get(f"/api/v1/leases/{lease_id}/ledger")
            assert (answer.status_code, answer.json()["detail"]) == (404, "no such lease"), lease_id

    with_caller(story)


def test_a_ledger_that_the_views_do_not_show_yet_is_waited_for() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.ledgers["acme", caller.body["lease_id"]] = LEDGER
        caller.pipeline.views_behind = 2
        assert len((await caller.http.get(ledger_of(caller))).json()["items"]) == 3

    with_caller(story, outcome_wait_s=5.0)


def test_balances_are_amounts_with_a_sign_a_page_at_a_time() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.balances = {"acme": ACCOUNTS, "other": [ACCOUNTS[0]] * 9}
        first = (await caller.http.get(BALANCES, params={"limit": 1})).json()
        assert first["items"] == [
            {"account": PAYER, "currency": "USD", "debits": "1500.05", "credits": "0.00", "balance": "-1500.05"}
        ]
        rest = (await caller.http.get(BALANCES, params={"cursor": first["next_cursor"]})).json()
        assert [item["balance"] for item in rest["items"]] == ["1500.05"]
        one = (await caller.http.get(BALANCES, params={"account": "clearing:wire"})).json()
        assert one == {"items": rest["items"], "next_cursor": None}

    with_caller(story)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("limit=0", 422, "limit"), ("limit=501", 422, "limit"), ("limit=1&limit=2", 422, "limit"),
        ("form=2025-01-01", 422, "form"), ("cursor=nope", 400, "cursor"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_by_name(query: str, status: int, field: str) -> None:
    async def story(caller: Caller) -> None:
        for path in (ledger_of(caller), BALANCES):
            answer = await caller.http.get(f"{path}?{query}")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), path

    with_caller(story)


def test_an_account_that_the_ledger_cannot_have_is_refused() -> None:
    async def story(caller: Caller) -> None:
        for account in ("bank_account:1", UNKNOWN, "clearing:pigeon", "suspense:", "cash"):
            answer = await caller.http.get(BALANCES, params={"account": account})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "account"), account

    with_caller(story)


def test_without_the_views_the_books_cannot_be_read() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.views_answer = False
        for path in (ledger_of(caller), BALANCES):
            answer = await caller.http.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        del caller.http.headers["Authorization"]
        for path in (ledger_of(caller), BALANCES):
            assert (await caller.http.get(path)).status_code == 401

    with_caller(story)
