"""Clients over HTTP retry until they are told, and their log says exactly what they were told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from chaos.answers import Answer, AnswerLog, Ask, Said, read_answers
from chaos.canary import Canaries
from chaos.http_callers import HttpCallers, Request
from payments.idempotency import cancel_id, payment_id, payment_key, refund_idempotency_key
from schemas.partitioning import partition_of
from tests.chaos.evidence import TERMS

PROBLEM = {"type": "/docs/problems#idempotency-key-reused", "status": 422}
Handler = Callable[[httpx.Request], httpx.Response]


def conversation(
    folder: Path, handler: Handler, talk: Callable[[HttpCallers], Coroutine[Any, Any, object]]
) -> tuple[object, list[Answer]]:
    """Return what `talk` returned, and the log of the answers that `handler` gave meanwhile."""
    log = AnswerLog(folder / "answers.jsonl")

    async def held() -> object:
        callers = HttpCallers(
            "http://api", tenant_id="chaos", api_key="key", answers=log, transport=httpx.MockTransport(handler)
        )
        try:
            return await talk(callers)
        finally:
            await callers.close()

    said = asyncio.run(held())
    log.close()
    return said, list(read_answers(folder / "answers.jsonl"))


def payment(key: str, status: int = 201) -> httpx.Response:
    return httpx.Response(status, json={"id": payment_id("chaos", key)})


def test_silence_and_503_are_unknown_and_asked_again_with_the_same_body(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if len(bodies) == 1:
            return httpx.Response(503, json={"type": "/docs/problems#log-unreachable"})
        if len(bodies) == 2:
            raise httpx.ReadTimeout("nobody answers")
        return payment("k")

    said, answers = conversation(tmp_path, handler, lambda c: c.pay(Request(key="k", terms=TERMS)))
    assert said is Said.ACCEPTED
    assert len(set(bodies)) == 1
    assert [(answer.said, answer.status) for answer in answers] == [
        (Said.UNKNOWN, 503),
        (Said.UNKNOWN, None),
        (Said.ACCEPTED, 201),
    ]
    assert {answer.terms for answer in answers} == {TERMS}
    assert {answer.payment_id for answer in answers} == {payment_id("chaos", "k")}


def test_a_refusal_is_final_and_keeps_its_code(tmp_path: Path) -> None:
    said, answers = conversation(
        tmp_path, lambda _: httpx.Response(422, json=PROBLEM), lambda c: c.pay(Request(key="k", terms=TERMS))
    )
    assert said is Said.REFUSED
    assert [(answer.status, answer.code) for answer in answers] == [(422, "idempotency-key-reused")]


def test_of_a_batch_only_what_got_no_answer_is_sent_again(tmp_path: Path) -> None:
    sent: list[list[str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        keys = [item["idempotency_key"] for item in json.loads(request.content)]
        sent.append(keys)
        results: list[dict[str, Any]] = []
        for key in keys:
            if key == "b" and len(sent) == 1:
                results.append({"status": 503, "problem": {}})
            elif key == "c":
                results.append({"status": 422, "problem": PROBLEM})
            else:
                results.append({"status": 201, "payment": {"id": payment_id("chaos", key)}})
        return httpx.Response(200, json={"results": results})

    requests = [Request(key=key, terms=TERMS) for key in "abc"]
    _, answers = conversation(tmp_path, handler, lambda c: c.pay_batch(requests))
    assert sent == [["a", "b", "c"], ["b"]]
    assert [answer.status for answer in answers] == [201, 503, 422, 201]


def test_a_cancel_is_logged_under_the_id_that_its_transition_would_have(tmp_path: Path) -> None:
    _, (answer,) = conversation(tmp_path, lambda _: httpx.Response(409, json={}), lambda c: c.cancel("k", "stop"))
    assert (answer.said, answer.command_id) == (Said.REFUSED, cancel_id(payment_id("chaos", "k"), "stop"))


def test_a_refund_is_logged_under_its_own_id_with_what_was_asked_for(tmp_path: Path) -> None:
    of = payment_id("chaos", "k")
    refund_id = payment_id("chaos", refund_idempotency_key(of, "back"))
    bodies: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/api/v1/payments/{of}/refunds"
        bodies.append((request.headers["Idempotency-Key"], json.loads(request.content)))
        return httpx.Response(201, json={"id": refund_id})

    async def talk(callers: HttpCallers) -> list[Said]:
        return [await callers.refund("k", "back", minor) for minor in (None, 2_500)]

    said, answers = conversation(tmp_path, handler, talk)
    assert (said, bodies) == ([Said.ACCEPTED] * 2, [("back", {}), ("back", {"amount": "25.00"})])
    assert {(answer.ask, answer.payment_id) for answer in answers} == {(Ask.REFUND, refund_id)}
    assert [answer.refund_minor for answer in answers] == [None, 2_500]


def canaries(callers: HttpCallers) -> Canaries:
    return Canaries(callers, tenant_id="chaos", payer="a", payee="b", partitions=8)


def test_canaries_stand_on_every_partition_and_sing_when_all_are_completed(tmp_path: Path) -> None:
    asked: list[str] = []
    looks = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal looks
        if request.method == "POST":
            key = json.loads(request.content)["idempotency_key"]
            asked.append(key)
            return payment(key)
        looks += 1
        return httpx.Response(200, json={"status": "completed" if looks > 8 else "processing"})

    said, _ = conversation(tmp_path, handler, lambda c: canaries(c).sing("x", is_hopeless=lambda: False))
    assert said is True
    assert sorted(partition_of(payment_key("chaos", key), 8) for key in asked) == list(range(8))
    assert looks > 8


def test_canaries_that_never_complete_are_given_up(tmp_path: Path) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return payment(json.loads(request.content)["idempotency_key"])
        return httpx.Response(200, json={"status": "processing"})

    patience = iter([False, False, True])
    said, _ = conversation(tmp_path, handler, lambda c: canaries(c).sing("x", is_hopeless=lambda: next(patience)))
    assert said is False
