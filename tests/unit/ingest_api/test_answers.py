"""What a caller is told, with every part up and with each of them down."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ingest_api import outcome
from payments.idempotency import payment_id
from tests.unit.ingest_api.small_pipeline import ADMIN_KEY, Caller, with_caller

PAYMENTS = "/api/v1/payments/"


def test_the_creator_gets_201_and_everybody_else_the_same_bytes_with_200() -> None:
    async def story(caller: Caller) -> None:
        answers = await asyncio.gather(*(caller.pay() for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
        assert len({answer.content for answer in answers}) == 1
        for answer in answers:
            assert answer.headers["Location"] == PAYMENTS + payment_id("acme", "rent-1")
            assert ("Idempotency-Replayed" in answer.headers) == (answer.status_code == 200)

    with_caller(story)


def test_a_replay_after_a_cancel_is_still_the_first_answer() -> None:
    async def story(caller: Caller) -> None:
        first = await caller.pay()
        cancelled = await caller.http.post(f"{first.headers['Location']}/cancel", headers={"Idempotency-Key": "stop"})
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert (await caller.pay()).content == first.content
        assert (await caller.http.get(first.headers["Location"])).json()["status"] == "cancelled"

    with_caller(story)


def test_a_cancel_is_heard_once_and_answered_alike() -> None:
    async def story(caller: Caller) -> None:
        place = (await caller.pay()).headers["Location"]
        first = await caller.http.post(f"{place}/cancel", json={"idempotency_key": "stop"})
        sent = len(caller.pipeline.sent)
        again = await caller.http.post(f"{place}/cancel", headers={"Idempotency-Key": '"stop"'})
        assert (first.status_code, again.status_code, first.content) == (200, 200, again.content)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert len(caller.pipeline.sent) == sent, "an answer that is known is not asked for again"
        other = await caller.http.post(f"{place}/cancel", headers={"Idempotency-Key": "another"})
        assert other.status_code == 409
        assert other.json()["type"].endswith("#illegal-move")

    with_caller(story)


def test_who_knows_a_payments_state_is_not_sent_it_again_until_something_happens() -> None:
    async def story(caller: Caller) -> None:
        place = (await caller.pay()).headers["Location"]
        first = await caller.http.get(place)
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
            again = await caller.http.get(place, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), known
        assert (await caller.http.get(place, headers={"If-None-Match": '"another"'})).content == first.content
        await caller.http.post(f"{place}/cancel", headers={"Idempotency-Key": "stop"})
        cancelled = await caller.http.get(place, headers={"If-None-Match": tag})
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert cancelled.headers["ETag"] != tag

    with_caller(story)


def test_another_body_under_a_key_is_refused() -> None:
    async def story(caller: Caller) -> None:
        first = await caller.pay()
        for changes in ({"amount": "1.00"}, {"description": "x"}, {"metadata": {"a": 1}}, {"lease_id": None}):
            answer = await caller.pay(**changes)
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"][0]["field"] == "idempotency_key"
        alike: list[dict[str, Any]] = [{"amount": 1500}, {"amount": 1500.0}, {"metadata": {}}, {"description": None}]
        for same in alike:
            assert (await caller.pay(**same)).content == first.content

    with_caller(story)


def test_without_the_views_a_payment_is_accepted_at_once_and_its_references_are_checked() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.views_answer = False
        began = asyncio.get_running_loop().time()
        answer = await caller.pay()
        assert asyncio.get_running_loop().time() - began < 5, "nobody waits for a database that is away"
        assert (answer.status_code, answer.json()["initiated_at"]) == (202, None)
        assert answer.json()["id"] == payment_id("acme", "rent-1")
        unknown = await caller.pay(payer_account_id="00000000-0000-4000-8000-000000000000")
        assert unknown.status_code == 422
        for path in (
            answer.headers["Location"],
            PAYMENTS + payment_id("acme", "x"),
            f"{answer.headers['Location']}/history",
        ):
            read = await caller.http.get(path)
            assert (read.status_code, read.headers["Retry-After"]) == (503, "1")
        cancel = await caller.http.post(f"{answer.headers['Location']}/cancel", headers={"Idempotency-Key": "c"})
        assert cancel.status_code == 503
        caller.pipeline.views_answer = True
        assert (await caller.http.get(answer.headers["Location"])).json()["status"] == "pending"

    # Longer than the assertion above allows: only the missing views can have cut the wait short.
    with_caller(story, outcome_wait_s=20.0)


def test_without_kafka_a_post_is_503_and_its_retry_makes_one_payment() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.kafka_answers = False
        for answer in (await caller.pay(), await caller.pay(payer_account_id="00000000-0000-4000-8000-000000000000")):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await caller.http.get(PAYMENTS + payment_id("acme", "rent-1"))).status_code == 404
        assert (await caller.http.get("/health/ready")).status_code == 503
        caller.pipeline.kafka_answers = True
        assert (await caller.pay()).status_code == 201

    with_caller(story)


def test_an_undecided_payment_is_202_again_until_it_is_decided() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        answer = await caller.pay()
        assert answer.status_code == 202
        read = await caller.http.get(answer.headers["Location"])
        assert (read.status_code, read.content) == (202, answer.content)
        caller.pipeline.decides = True
        caller.pipeline.decide_all()
        assert (await caller.http.get(answer.headers["Location"])).status_code == 200

    with_caller(story)


def test_a_payment_that_is_decided_while_a_get_waits_is_shown_by_it() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        place = (await caller.pay()).headers["Location"]
        reading = asyncio.create_task(caller.http.get(place))
        await caller.until_waiting(1)
        caller.pipeline.decide_all()
        assert (await reading).status_code == 200

    with_caller(story, outcome_wait_s=5.0)


def test_who_prefers_not_to_wait_gets_202() -> None:
    async def story(caller: Caller) -> None:
        for prefer in ("respond-async", "return=minimal, Respond-Async; wait=5"):
            answer = await caller.http.post(
                PAYMENTS, json=caller.body | {"idempotency_key": prefer}, headers={"Prefer": prefer}
            )
            assert answer.status_code == 202
        assert not caller.pipeline.asked

    with_caller(story)


def test_a_refusal_by_the_log_is_told_by_a_later_get() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        place = (await caller.pay()).headers["Location"]
        order: Any = caller.pipeline.waiting.pop()
        caller.pipeline.refusals[order.id] = _rejection(order)
        for _ in range(2):
            answer = await caller.http.get(place)
            assert (answer.status_code, answer.json()["type"]) == (422, "/docs/problems#decision-failed")

    with_caller(story)


def test_more_requests_than_may_wait_are_told_to_come_back_before_anything_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcome, "REQUESTS_WAITING_MAX", 3)

    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        sent = len(caller.pipeline.sent)
        waiting = [asyncio.create_task(caller.pay(f"key-{n}")) for n in range(3)]
        await caller.until_waiting(3)
        refused = await caller.pay("one-more")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert len(caller.pipeline.sent) == sent + 3
        assert {(await task).status_code for task in waiting} == {202}

    with_caller(story)


def test_a_burst_that_kafka_is_slow_to_acknowledge_is_held_to_the_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "REQUESTS_WAITING_MAX", 3)

    async def story(caller: Caller) -> None:
        caller.pipeline.acknowledges = asyncio.Event()
        sent = len(caller.pipeline.sent)
        burst = [asyncio.create_task(caller.pay(f"key-{n}")) for n in range(10)]
        refused, waiting = await asyncio.wait(burst, return_when=asyncio.FIRST_COMPLETED)
        while len(refused) < 7:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused |= more
        assert {task.result().status_code for task in refused} == {429}
        assert len(caller.pipeline.sent) == sent + 3
        caller.pipeline.acknowledges.set()
        assert {(await task).status_code for task in waiting} == {201}
        assert (await caller.pay("key-0")).status_code in (200, 201), "room is given back"

    with_caller(story, outcome_wait_s=5.0)


def test_one_question_answers_everybody_who_waits() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        waiting = [asyncio.create_task(caller.pay(f"key-{n}")) for n in range(100)]
        await caller.until_waiting(100)
        caller.pipeline.decide_all()
        questions = len(caller.pipeline.asked)
        assert {(await task).status_code for task in waiting} == {201}
        assert len(caller.pipeline.asked) <= questions + 2

    with_caller(story, outcome_wait_s=5.0)


def test_a_batch_of_10000_is_one_pass_in_order() -> None:
    async def story(caller: Caller) -> None:
        items = [caller.body | {"idempotency_key": f"b{n}", "amount": str(1 + n % 900)} for n in range(10_000)]
        answer = await caller.http.post(PAYMENTS + "batch", json=items)
        results = answer.json()["results"]
        assert {result["status"] for result in results} == {201}
        assert [result["payment"]["idempotency_key"] for result in results] == [f"b{n}" for n in range(10_000)]
        lines = "\n".join(json.dumps(item) for item in items[:3])
        again = await caller.http.post(
            PAYMENTS + "batch", content=lines, headers={"Content-Type": "application/x-ndjson"}
        )
        assert [result["status"] for result in again.json()["results"]] == [200] * 3

    with_caller(story, outcome_wait_s=30.0)


def test_a_line_of_a_batch_has_the_bound_of_a_body_and_refuses_itself_only() -> None:
    async def story(caller: Caller) -> None:
        good, large = [caller.body | {"idempotency_key": key} for key in ("good", "large")]
        lines = [json.dumps(good), json.dumps(large | {"description": "x" * 5_000}), "", "nope"]
        answer = await caller.http.post(
            PAYMENTS + "batch", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
        )
        assert [result["status"] for result in answer.json()["results"]] == [201, 413, 400]

    with_caller(story, max_body_bytes=4_096)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{}\n" * 10_001, "application/x-ndjson"),
        (b"\n" * 1_000_000, "application/x-ndjson"),
        (b"[" + b"1," * 1_000_000, "application/json"),
    ],
)
def test_a_batch_of_too_many_is_refused_whole(content: bytes, media_type: str) -> None:
    async def story(caller: Caller) -> None:
        sent = len(caller.pipeline.sent)
        answer = await caller.http.post(PAYMENTS + "batch", content=content, headers={"Content-Type": media_type})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "payments")
        assert len(caller.pipeline.sent) == sent

    with_caller(story)


def test_everything_in_the_directory_is_idempotent_by_its_key() -> None:
    async def story(caller: Caller) -> None:
        user = {"email": "carol@renter.com", "password": "x", "role": "renter"}
        first = await caller.http.post("/api/v1/users/", json=user, headers={"Idempotency-Key": "carol"})
        again = await caller.http.post("/api/v1/users/", json=user | {"idempotency_key": "carol"})
        assert (first.status_code, again.status_code, first.content) == (201, 200, again.content)
        assert again.headers["Idempotency-Replayed"] == "true"
        cases: list[tuple[dict[str, Any], int]] = [
            ({"password": "y"}, 422),
            ({"email": "other@renter.com"}, 422),
            ({"idempotency_key": "other"}, 409),
            ({"idempotency_key": None, "email": "CAROL@renter.com"}, 409),
        ]
        for changes, status in cases:
            answer = await caller.http.post("/api/v1/users", json=user | {"idempotency_key": "carol"} | changes)
            assert answer.status_code == status, answer.text
        account = {
            "user_id": first.json()["id"], "account_holder_name": "C", "routing_number": "121042882",
            "account_number": "1234567", "account_type": "savings", "idempotency_key": "account",
        }  # fmt: skip
        made = [await caller.http.post("/api/v1/bank-accounts/", json=account) for _ in range(2)]
        assert [answer.status_code for answer in made] == [201, 200]
        assert made[0].content == made[1].content
        other = await caller.http.post("/api/v1/bank-accounts/", json=account | {"account_number": "1234568"})
        assert other.status_code == 422
        assert "1234568" not in other.text

    with_caller(story)


def test_what_another_process_has_created_is_found_by_its_id_from_its_201_on() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.reads = False
        user = {"email": "dave@landlord.com", "password": "x", "role": "landlord"}
        made = await caller.http.post("/api/v1/users/", json=user)
        assert made.status_code == 202, "this process has not read what the log has"
        caller.pipeline.views_behind = 2
        read = await caller.http.get(f"/api/v1/users/{made.json()['id']}")
        assert (read.status_code, read.json()["email"]) == (200, "dave@landlord.com")

    with_caller(story)


def test_what_is_unknown_is_404_and_with_kafka_away_503() -> None:
    async def story(caller: Caller) -> None:
        path = "/api/v1/users/00000000-0000-4000-8000-000000000000"
        assert (await caller.http.get(path)).status_code == 404
        caller.pipeline.kafka_answers = False
        assert (await caller.http.get(path)).status_code == 503

    with_caller(story)


def test_an_api_key_is_shown_once() -> None:
    async def story(caller: Caller) -> None:
        admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
        body = {"tenant_id": "acme", "idempotency_key": "k", "scopes": ["read"]}
        first, again = [await caller.http.post("/api/v1/api-keys/", json=body, headers=admin) for _ in range(2)]
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        assert (len(first.json()["key"]), again.json()["key"]) == (3 + 32 + 1 + 43, None)
        bearer = {"Authorization": f"Bearer {first.json()['key']}"}
        assert (await caller.http.get(PAYMENTS + payment_id("acme", "x"), headers=bearer)).status_code == 404
        forged = {"Authorization": f"Bearer {first.json()['key'][:-1]}x"}
        assert (await caller.http.get(PAYMENTS + payment_id("acme", "x"), headers=forged)).status_code == 401

    with_caller(story)


def test_a_key_that_may_not_be_the_one_kept_is_not_shown() -> None:
    async def story(caller: Caller) -> None:
        admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
        body = {"tenant_id": "acme", "idempotency_key": "k", "scopes": ["read"]}
        caller.pipeline.decides = False
        answers = await asyncio.gather(
            *(caller.http.post("/api/v1/api-keys/", json=body, headers=admin) for _ in range(2))
        )
        assert [(answer.status_code, answer.json()["key"]) for answer in answers] == [(202, None)] * 2
        caller.pipeline.decide_all()
        again = await caller.http.post("/api/v1/api-keys/", json=body, headers=admin)
        assert (again.status_code, again.json()["key"], again.json()["id"]) == (200, None, answers[0].json()["id"])

    with_caller(story)


def test_without_the_directory_nobody_is_let_in_and_nobody_is_called_unauthorized() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.ready = False
        answer = await caller.pay()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

    with_caller(story)


def test_who_asks_while_the_log_is_read_shares_the_next_reading() -> None:
    async def story(caller: Caller) -> None:
        before = caller.pipeline.barriers
        unknown = "00000000-0000-4000-8000-000000000000"
        answers = await asyncio.gather(*(caller.pay(f"k{n}", lease_id=unknown) for n in range(40)))
        assert {answer.status_code for answer in answers} == {422}
        assert 1 <= caller.pipeline.barriers - before < 20

    with_caller(story)


def test_a_fault_of_ours_is_a_problem_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(caller: Caller) -> None:
        async def fail(*_: Any) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(caller.parts.queries, "payment", fail)
        answer = await caller.http.get(PAYMENTS + payment_id("acme", "x"))
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text

    with_caller(story)


def _rejection(order: Any) -> Any:
    from projections.queries import RejectionRow

    return RejectionRow(
        command_id=order.id,
        tenant_id=order.tenant_id,
        payment_id=order.payment_id,
        reason="decision-failed",
        detail="it could not be decided",
        errors=(),
        rejected_at_us=1,
    )
