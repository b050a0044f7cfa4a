"""The delivery log over HTTP, and asking for it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from directory.webhook_endpoint import NoticeType
from projections.queries import DeliveryRow
from schemas.deliveries import Outcome, WebhookReplay
from tests.unit.ingest_api.small_pipeline import NOW_US, Caller, with_caller
from tests.unit.ingest_api.test_webhook_endpoints import PATH, made, problem

PAYMENT = "6a5b1c1e-0d5f-4c55-9d4e-111111111111"
REPLAY = "6a5b1c1e-0d5f-4c55-9d4e-222222222222"
DELIVERED = DeliveryRow(
    payment_id=PAYMENT, sequence=3, event_type="payment_completed", attempt=2, attempted_at_us=NOW_US + 5_000_000,
    outcome=Outcome.DELIVERED, status_code=204, error=None, next_attempt_at_us=None, duration_ms=12, replay_id=REPLAY,
)  # fmt: skip
RETRYING = DeliveryRow(
    payment_id=PAYMENT, sequence=3, event_type="payment_completed", attempt=1, attempted_at_us=NOW_US,
    outcome=Outcome.RETRYING, status_code=None, error="no answer in 20 s", next_attempt_at_us=NOW_US + 5_000_000,
    duration_ms=20_000, replay_id=None,
)  # fmt: skip


def test_the_delivery_log_is_attempts_a_page_at_a_time_or_those_with_one_outcome() -> None:
    async def story(caller: Caller) -> None:
        endpoint_id = (await made(caller))["id"]
        caller.pipeline.deliveries["acme", endpoint_id] = [DELIVERED, RETRYING]
        log = f"{PATH}{endpoint_id}/deliveries"
        first = (await caller.http.get(log, params={"limit": 1})).json()
        assert first["items"] == [
            {
                "message_id": f"{PAYMENT}:3",
                "payment_id": PAYMENT,
                "sequence": 3,
                "event_type": "payment_completed",
                "attempt": 2,
                "attempted_at": "2026-09-21T14:13:25.000000Z",
                "outcome": "delivered",
                "status_code": 204,
                "error": None,
                "next_attempt_at": None,
                "duration_ms": 12,
                "replay_id": REPLAY,
            }
        ]
        rest = (await caller.http.get(log, params={"cursor": first["next_cursor"]})).json()
        [item] = rest["items"]
        assert (item["outcome"], item["status_code"], item["error"]) == ("retrying", None, "no answer in 20 s")
        assert (item["next_attempt_at"], rest["next_cursor"]) == ("2026-09-21T14:13:25.000000Z", None)
        failed = await caller.http.get(log, params={"outcome": "failed"})
        assert (failed.status_code, failed.json()["items"]) == (200, [])
        assert problem(await caller.http.get(log, params={"outcome": "lost"})) == (422, "invalid-command", ["outcome"])
        caller.pipeline.views_answer = False
        assert (await caller.http.get(log)).status_code == 503

    with_caller(story)


def test_a_notice_on_the_delivery_log_is_of_no_payment() -> None:
    async def story(caller: Caller) -> None:
        endpoint_id, other = (await made(caller))["id"], (await made(caller))["id"]
        notice = replace(DELIVERED, payment_id=other, sequence=2, event_type=NoticeType.ENDPOINT_DISABLED.value)
        caller.pipeline.deliveries["acme", endpoint_id] = [notice]
        [item] = (await caller.http.get(f"{PATH}{endpoint_id}/deliveries")).json()["items"]
        assert (item["message_id"], item["payment_id"]) == (f"{other}:2", None)

    with_caller(story)


def test_a_replay_is_ordered_as_it_was_asked_for() -> None:
    async def story(caller: Caller) -> None:
        endpoint_id = (await made(caller))["id"]
        body = {"from": "2026-09-01", "to": "2026-09-02T00:00:00+02:00", "failed_only": True}
        answer = await caller.http.post(f"{PATH}{endpoint_id}/replay", json=body)
        assert answer.status_code == 202
        assert caller.pipeline.replays == [
            WebhookReplay(
                request_id=answer.json()["id"],
                endpoint_id=endpoint_id,
                tenant_id="acme",
                from_us=1_788_220_800_000_000,
                to_us=1_788_300_000_000_000,
                failed_only=True,
                requested_at_us=NOW_US,
            )
        ]
        await caller.http.post(f"{PATH}{endpoint_id}/replay", json={"message_id": f"{PAYMENT}:3"})
        one = caller.pipeline.replays[-1]
        assert (one.message_id, one.from_us, one.to_us, one.failed_only) == (f"{PAYMENT}:3", None, None, False)

    with_caller(story)


def test_a_replay_has_the_id_that_its_key_and_body_give() -> None:
    async def story(caller: Caller) -> None:
        endpoint_id, other_id = (await made(caller))["id"], (await made(caller))["id"]

        async def asked(of: str, key: str | None, **body: Any) -> str:
            headers = {"Idempotency-Key": key} if key is not None else {}
            answer = await caller.http.post(f"{PATH}{of}/replay", json=body, headers=headers)
            shown: dict[str, str] = answer.json()
            return shown["id"]

        first = await asked(endpoint_id, "k", failed_only=True)
        assert await asked(endpoint_id, "k", failed_only=True) == first
        others = {
            await asked(endpoint_id, "k"),
            await asked(endpoint_id, "l", failed_only=True),
            await asked(other_id, "k", failed_only=True),
            await asked(endpoint_id, None, failed_only=True),
            await asked(endpoint_id, None, failed_only=True),
        }
        assert len(others | {first}) == 6

    with_caller(story)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": 5}, "from"),
        ({"to": "1999-01-01"}, "to"),
        ({"from": "2026-09-02", "to": "2026-09-02"}, "to"),
        ({"failed_only": "yes"}, "failed_only"),
        ({"message_id": PAYMENT}, "message_id"),
        ({"message_id": f"{PAYMENT}:0"}, "message_id"),
        ({"since": "2026-09-02"}, "since"),
    ],
)
def test_a_replay_that_makes_no_sense_is_refused(body: dict[str, Any], field: str) -> None:
    async def story(caller: Caller) -> None:
        endpoint_id = (await made(caller))["id"]
        answer = await caller.http.post(f"{PATH}{endpoint_id}/replay", json=body)
        assert problem(answer) == (422, "invalid-command", [field])
        assert caller.pipeline.replays == []

    with_caller(story)


def test_with_kafka_away_a_replay_is_not_promised() -> None:
    async def story(caller: Caller) -> None:
        endpoint_id = (await made(caller))["id"]
        caller.pipeline.kafka_answers = False
        assert (await caller.http.post(f"{PATH}{endpoint_id}/replay")).status_code == 503

    with_caller(story)
