"""What a caller of a refund is told."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from payments.commands import RailReport, Report
from payments.idempotency import payment_id, refund_idempotency_key
from tests.unit.ingest_api.small_pipeline import NOW_US, Caller, with_caller

PAYMENTS = "/api/v1/payments/"
RENT = payment_id("acme", "rent-1")
REFUND = payment_id("acme", refund_idempotency_key(RENT, "back"))


async def complete(caller: Caller, key: str = "rent-1") -> None:
    """Pay, and let the bank settle."""
    await caller.pay(key)
    for report in (Report.CLAIMED, Report.SETTLED):
        tell(caller, key, report)


def tell(caller: Caller, key: str, report: Report) -> None:
    caller.pipeline.move(
        RailReport(tenant_id="acme", idempotency_key=key, attempt=1, report=report, occurred_at_us=NOW_US, code="R01")
    )


async def refund(caller: Caller, key: str = "back", of: str = RENT, **body: Any) -> httpx.Response:
    return await caller.http.post(f"{PAYMENTS}{of}/refunds", headers={"Idempotency-Key": key}, json=body)


def test_one_caller_gets_201_the_others_its_answer_again_and_there_is_one_refund() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        answers = await asyncio.gather(*(refund(caller, amount="500.00", metadata={"a": 1}) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
        assert len({answer.content for answer in answers}) == 1
        for answer in answers:
            assert answer.headers["Location"] == PAYMENTS + REFUND
            assert ("Idempotency-Replayed" in answer.headers) == (answer.status_code == 200)
        made = answers[0].json()
        assert (made["id"], made["refund_of"], made["status"], made["amount"]) == (REFUND, RENT, "pending", "500.00")
        assert (made["payer_account_id"], made["payee_account_id"], made["lease_id"]) == (
            caller.body["payee_account_id"],
            caller.body["payer_account_id"],
            caller.body["lease_id"],
        )
        assert made["metadata"] == {"a": 1}
        assert len(caller.pipeline.payments) == 2

    with_caller(story)


def test_the_payment_is_refunded_when_its_refunds_are_completed_and_no_sooner() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        part = (await refund(caller, "part", amount="500.00")).json()
        rest = (await refund(caller, "rest")).json()
        assert rest["amount"] == "1000.00", "without an amount all that is left"
        seen = []
        for made in (part, rest):
            for report in (Report.CLAIMED, Report.SETTLED):
                tell(caller, made["idempotency_key"], report)
                payment = (await caller.http.get(PAYMENTS + RENT)).json()
                seen.append((payment["status"], payment["refunded_amount"]))
        assert seen == [
            ("completed", "0.00"), ("completed", "500.00"), ("completed", "500.00"), ("refunded", "1500.00"),
        ]  # fmt: skip
        again = await refund(caller, "part", amount="500.00")
        assert (again.status_code, again.json()["status"]) == (200, "pending"), "a replay tells the first answer"
        refused = await refund(caller, "more", amount="0.01")
        assert (refused.status_code, refused.json()["type"].rpartition("#")[2]) == (409, "illegal-move")

    with_caller(story)


@pytest.mark.parametrize(
    "other", [{"amount": "500.01"}, {}, {"amount": "500.00", "description": "x"}, {"amount": 500, "metadata": {"a": 1}}]
)
def test_another_body_under_the_key_is_refused(other: dict[str, Any]) -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        first = await refund(caller, amount="500.00")
        answer = await refund(caller, **other)
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (422, "idempotency-key-reused")
        assert (await refund(caller, amount=500)).content == first.content

    with_caller(story)


def test_what_cannot_be_refunded_is_told_and_its_key_is_not_used_up() -> None:
    async def story(caller: Caller) -> None:
        await caller.pay()
        early = await refund(caller, amount="500.00")
        assert (early.status_code, early.json()["type"].rpartition("#")[2]) == (409, "illegal-move")
        for report in (Report.CLAIMED, Report.SETTLED):
            tell(caller, "rent-1", report)
        too_much = await refund(caller, "much", amount="1500.01")
        assert (too_much.status_code, too_much.json()["errors"][0]["field"]) == (409, "amount")
        assert too_much.json()["type"].endswith("#refund-too-large")
        made = await refund(caller, amount="500.00")
        assert made.status_code == 201, "a refusal does not use the key up"
        of_refund = await refund(caller, "again", of=REFUND)
        assert (of_refund.status_code, of_refund.json()["type"].rpartition("#")[2]) == (409, "refund-of-refund")

    with_caller(story)


def test_a_refund_of_nothing_or_without_a_key_or_with_faults_is_refused_before_it_is_sent() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        sent = len(caller.pipeline.sent)
        unknown = payment_id("acme", "nobody")
        assert (await refund(caller, of=unknown)).status_code == 404
        assert (await caller.http.post(f"{PAYMENTS}{RENT}/refunds")).status_code == 400
        faults: dict[str, Any] = {"amount": 0, "description": 5, "metadata": [], "payment_rail_type": "wire"}
        for field, value in faults.items():
            answer = await refund(caller, **{field: value})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
        system = await refund(caller, "directpay:mine")
        assert system.status_code == 400
        assert len(caller.pipeline.sent) == sent

    with_caller(story)


def test_an_undecided_refund_is_202_with_its_final_id_until_it_is_decided() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        caller.pipeline.decides = False
        answer = await refund(caller)
        body = answer.json()
        assert (answer.status_code, body["id"], body["refund_of"]) == (202, REFUND, RENT)
        assert (body["amount"], body["initiated_at"]) == (None, None), "how much is left is not known yet"
        waiting = await caller.http.get(PAYMENTS + REFUND)
        assert (waiting.status_code, waiting.content) == (202, answer.content)
        caller.pipeline.decides = True
        caller.pipeline.decide_all()
        read = await caller.http.get(PAYMENTS + REFUND)
        assert (read.status_code, read.json()["amount"]) == (200, "1500.00")

    with_caller(story)


def test_a_refund_that_was_refused_after_a_202_tells_why() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        caller.pipeline.decides = False
        assert (await refund(caller, amount="1500.01")).status_code == 202
        caller.pipeline.decides = True
        caller.pipeline.decide_all()
        read = await caller.http.get(PAYMENTS + REFUND)
        assert (read.status_code, read.json()["type"].rpartition("#")[2]) == (409, "refund-too-large")

    with_caller(story)


def test_a_refund_can_be_cancelled_while_no_rail_has_claimed_it() -> None:
    async def story(caller: Caller) -> None:
        await complete(caller)
        await refund(caller)
        cancelled = await caller.http.post(f"{PAYMENTS}{REFUND}/cancel", headers={"Idempotency-Key": "stop"})
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        history = (await caller.http.get(f"{PAYMENTS}{RENT}/history")).json()["events"]
        assert [event["event_type"] for event in history][-2:] == ["payment_refund_initiated", "payment_refund_failed"]
        assert (await refund(caller, "anew")).json()["amount"] == "1500.00"

    with_caller(story)


def test_a_payment_that_this_process_has_accepted_and_nobody_decided_is_not_refunded_by_a_202() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.decides = False
        assert (await caller.pay()).status_code == 202
        answer = await refund(caller)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

    with_caller(story)


def test_what_nobody_has_decided_is_not_cancelled_by_a_202() -> None:
    """A 202 promises what it answers, and no cancel was sent."""

    async def story(caller: Caller) -> None:
        await complete(caller)
        caller.pipeline.decides = False
        assert (await refund(caller)).status_code == 202
        assert (await caller.pay("rent-2")).status_code == 202
        for undecided in (REFUND, payment_id("acme", "rent-2")):
            answer = await caller.http.post(f"{PAYMENTS}{undecided}/cancel", headers={"Idempotency-Key": "stop"})
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

    with_caller(story)


def test_after_a_second_202_the_refusal_of_the_first_attempt_is_not_told() -> None:
    """Who believed it would refund again, under another key."""

    async def story(caller: Caller) -> None:
        await caller.pay()
        at_once = {"Idempotency-Key": "back", "Prefer": "respond-async"}
        asked = f"{PAYMENTS}{RENT}/refunds"
        assert (await caller.http.post(asked, headers=at_once, json={"amount": "500.00"})).status_code == 202
        for report in (Report.CLAIMED, Report.SETTLED):
            tell(caller, "rent-1", report)
        caller.pipeline.decides = False
        assert (await caller.http.post(asked, headers=at_once, json={"amount": "500.00"})).status_code == 202
        assert (await caller.http.get(PAYMENTS + REFUND)).status_code == 202

    with_caller(story)
