"""What `directpay pay` sends, and what it makes of the answers of an API that is played."""

from __future__ import annotations

import json
from datetime import date

import httpx
import pytest

from cli.pay import Order, PartyMissing, send
from cli.tenant_api import ApiRefusal, ApiSilent
from ingest_api.examples import Examples
from tests.unit.cli.played_api import PAYMENT, Answer, PlayedApi, api_of

ORDER = Order(key="rent-1", amount="12.50", rail="wire", payer="bob", payee="alice", lease=None, description=None)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.mark.parametrize(("status", "meaning"), [(201, "Created"), (200, "first answer again"), (202, "not decided")])
def test_a_payment_is_sent_with_its_key_and_the_answer_is_shown(said: list[str], status: int, meaning: str) -> None:
    played = PlayedApi(posts=[httpx.Response(status, json={"id": PAYMENT, "status": "pending"})])
    assert send(api_of(played), ORDER, said.append) == PAYMENT
    (request,) = played.requests
    assert (request.url.path, request.headers["Authorization"]) == ("/api/v1/payments/", "Bearer dp_key")
    assert request.headers["Idempotency-Key"] == "rent-1"
    assert json.loads(request.content) == {
        "amount": "12.50", "payment_rail_type": "wire", "payer_account_id": "bob", "payee_account_id": "alice",
    }  # fmt: skip
    assert "rent-1" in said[0]
    assert meaning in said[1]
    assert json.loads(said[2])["id"] == PAYMENT


def test_a_request_that_nothing_is_known_of_is_sent_again_as_it_was(said: list[str]) -> None:
    played = PlayedApi(
        posts=[
            httpx.ConnectError("refused"),
            httpx.Response(503, json={"detail": "Kafka is away"}),
            httpx.Response(201, json={"id": PAYMENT}),
        ]
    )
    assert send(api_of(played), ORDER, said.append) == PAYMENT
    assert len({(it.content, it.headers["Idempotency-Key"]) for it in played.requests}) == 1
    assert len(played.requests) == 3
    assert len(played.pauses) == 2


def test_a_refusal_names_the_fields_and_is_not_sent_again(said: list[str]) -> None:
    problem = {
        "title": "Invalid",
        "detail": "1 field",
        "errors": [{"field": "amount", "message": "must be more than 0"}],
    }
    played = PlayedApi(posts=[httpx.Response(422, json=problem)])
    with pytest.raises(ApiRefusal, match=r"422 Invalid: 1 field\n  amount: must be more than 0"):
        send(api_of(played), ORDER, said.append)


def test_an_api_that_stays_silent_is_given_up() -> None:
    played = PlayedApi(posts=[httpx.ConnectError("refused")] * 3)
    with pytest.raises(ApiSilent, match="http://api does not answer: refused"):
        api_of(played).post("/api/v1/payments/", {}, key="k", silent_s_max=0)


def test_on_a_local_stack_bob_pays_alice_who_is_made_first(said: list[str]) -> None:
    taken = httpx.Response(409, json={"detail": "the e-mail has a user"})
    made: list[Answer] = [taken, httpx.Response(200, json={}), httpx.Response(201, json={"id": PAYMENT})]
    played = PlayedApi(posts=made)
    order = Order(key="k", amount="1", rail="instant", payer=None, payee=None, lease="a-lease", description="rent")
    send(api_of(played, is_local=True), order, said.append)
    users, accounts, payments = played.requests
    assert [it.url.path.split("/")[3] for it in (users, accounts, payments)] == ["users", "bank-accounts", "payments"]
    examples = Examples(tenant_id="demo", today=date.min)
    body = json.loads(payments.content)
    assert (body["payer_account_id"], body["payee_account_id"]) == (examples.bob_account_id, examples.alice_account_id)
    assert (body["lease_id"], body["description"]) == ("a-lease", "rent")
    with pytest.raises(PartyMissing, match="--payer and --payee"):
        send(api_of(played), order, said.append)
