"""Webhook endpoints over HTTP: made, changed and deleted, their secrets rotated, each asked for once by its key."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from directory.changes import Action, Changed, DirectoryCommand, change
from directory.webhook_endpoint import ENDPOINTS_MAX, TOLD_TYPES, DisabledReason, WebhookEndpoint
from directory.webhook_secrets import SECRETS_MAX, from_json
from ingest_api.changes import ATTEMPTS_MAX
from tests.unit.ingest_api.small_pipeline import ADMIN_KEY, KEYRING, Caller, with_caller

PATH = "/api/v1/webhook-endpoints/"
URL = "https://example.com/hooks"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def made(caller: Caller, **body: Any) -> dict[str, Any]:
    answer = await caller.http.post(PATH, json={"url": URL} | body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def changed(caller: Caller, endpoint_id: str, **body: Any) -> httpx.Response:
    return await caller.http.patch(PATH + endpoint_id, json=body)


async def rotated(caller: Caller, endpoint_id: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return await caller.http.post(f"{PATH}{endpoint_id}/rotate-secret", headers=headers)


def kept_secrets(caller: Caller, endpoint_id: str) -> list[str]:
    sealed = caller.parts.directory.secret(endpoint_id)
    assert sealed is not None
    return [each.secret for each in from_json(KEYRING.open(endpoint_id, sealed))]


def problem(answer: httpx.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["type"].rpartition("#")[2], [error["field"] for error in body["errors"]]


async def stranger(caller: Caller) -> dict[str, str]:
    """Return the headers of another tenant."""
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    await caller.http.post("/api/v1/tenants/", json={"id": "other"}, headers=admin)
    key = await caller.http.post("/api/v1/api-keys/", json={"tenant_id": "other"}, headers=admin)
    return {"Authorization": f"Bearer {key.json()['key']}"}


def test_an_endpoint_is_made_with_a_secret_that_is_shown_once_and_kept_sealed() -> None:
    async def story(caller: Caller) -> None:
        answer = await caller.http.post(PATH, json={"url": URL, "events": ["payment_returned", "payment_completed"]})
        shown = answer.json()
        assert answer.status_code == 201
        assert answer.headers["Location"] == PATH + shown["id"]
        secret = shown.pop("secret")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        assert shown == {
            "id": shown["id"],
            "url": URL,
            "events": ["payment_completed", "payment_returned"],
            "enabled": True,
            "disabled_reason": None,
            "status": "active",
            "created_at": shown["created_at"],
        }
        assert kept_secrets(caller, shown["id"]) == [secret]
        assert (await caller.http.get(PATH + shown["id"])).json() == shown
        assert (await caller.http.get(PATH)).json() == {"items": [shown], "next_cursor": None}
        assert not any(secret in repr(command) for command in caller.pipeline.sent)

    with_caller(story)


def test_the_same_post_again_is_the_same_answer_with_its_secret() -> None:
    async def story(caller: Caller) -> None:
        body = {"url": URL, "idempotency_key": "k"}
        answers = await asyncio.gather(*(caller.http.post(PATH, json=body) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
        assert len({answer.content for answer in answers}) == 1
        first = answers[0].json()
        assert kept_secrets(caller, first["id"]) == [first["secret"]]
        other = await caller.http.post(PATH, json=body | {"events": ["payment_failed"]})
        assert problem(other) == (422, "idempotency-key-reused", ["idempotency_key"])
        await changed(caller, first["id"], url="https://example.com/other")
        assert (await caller.http.post(PATH, json=body)).content == answers[0].content, "as it was at creation"

    with_caller(story)


def test_a_secret_that_another_process_has_made_is_read_before_it_is_shown_again() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.reads = False
        first = asyncio.create_task(caller.http.post(PATH, json={"url": URL, "idempotency_key": "k"}))
        assert (await first).json()["secret"] is None, "it is not known here which was kept"
        again = await caller.http.post(PATH, json={"url": URL, "idempotency_key": "k"})
        assert again.status_code == 200
        assert [again.json()["secret"]] == kept_secrets(caller, again.json()["id"])

    with_caller(story, outcome_wait_s=0.05)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["url"]),
        ({"url": 1}, ["url"]),
        ({"url": "ftp://example.com"}, ["url"]),
        ({"url": "https://user@example.com"}, ["url"]),
        ({"url": URL, "events": ["payment_lost"]}, ["events"]),
        ({"url": URL, "events": "payment_completed"}, ["events"]),
        ({"url": URL, "enabled": "no"}, ["enabled"]),
        ({"url": URL, "secret": "whsec_mine"}, ["secret"]),
        ({"url": "http://localhost/", "events": [1], "event": []}, ["url", "events", "event"]),
    ],
)
def test_every_fault_of_a_new_endpoint_is_told_at_once(body: dict[str, Any], fields: list[str]) -> None:
    async def story(caller: Caller) -> None:
        assert problem(await caller.http.post(PATH, json=body)) == (422, "invalid-command", fields)

    with_caller(story)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]"])
def test_private_addresses_are_taken_only_where_a_setting_allows_them(host: str) -> None:
    url = f"http://{host}:8080/hooks"

    async def refused(caller: Caller) -> None:
        assert problem(await caller.http.post(PATH, json={"url": url})) == (422, "invalid-command", ["url"])
        endpoint = await made(caller)
        assert problem(await changed(caller, endpoint["id"], url=url)) == (422, "invalid-command", ["url"])

    async def taken(caller: Caller) -> None:
        assert (await made(caller, url=url))["url"] == url

    with_caller(refused)
    with_caller(taken, webhooks_allow_private=True)


def test_a_patch_changes_what_it_names() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller, events=["payment_failed"])
        del endpoint["secret"]
        moved = await changed(caller, endpoint["id"].upper(), url="https://example.com/b")
        assert (moved.status_code, moved.json()) == (200, endpoint | {"url": "https://example.com/b"})
        all_events = (await changed(caller, endpoint["id"], events=[])).json()
        assert all_events == moved.json() | {"events": []}
        off = (await changed(caller, endpoint["id"], enabled=False)).json()
        assert off == all_events | {"enabled": False, "disabled_reason": "owner"}
        on = (await changed(caller, endpoint["id"], enabled=True)).json()
        assert on == all_events
        assert (await caller.http.get(PATH + endpoint["id"])).json() == on

    with_caller(story)


@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, ["url"]), ({"url": None}, ["url"]), ({"enabled": 1}, ["enabled"]), ({"secret": "x", "url": URL}, ["secret"])],
)
def test_a_patch_without_sense_is_refused(body: dict[str, Any], fields: list[str]) -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        answer = await changed(caller, endpoint["id"], **body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, fields[0])

    with_caller(story)


def test_a_patch_is_heard_once_by_its_key_whatever_came_after_it() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        off = {"enabled": False, "idempotency_key": "off"}
        first = await changed(caller, endpoint["id"], **off)
        assert (first.status_code, "Idempotency-Replayed" in first.headers) == (200, False)
        await changed(caller, endpoint["id"], enabled=True)
        sent = len(caller.pipeline.sent)
        again = await changed(caller, endpoint["id"], **off)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert again.json()["enabled"], "it is shown as it is now"
        assert len(caller.pipeline.sent) == sent
        other = await changed(caller, endpoint["id"], enabled=True, idempotency_key="off")
        assert problem(other) == (422, "idempotency-key-reused", ["idempotency_key"])
        assert problem(await rotated(caller, endpoint["id"], "off"))[0] == 422
        elsewhere = await made(caller)
        assert (await changed(caller, elsewhere["id"], **off)).json()["enabled"] is False

    with_caller(story)


class Rival:
    """Somebody who changes an endpoint whenever a command about it is on its way."""

    def __init__(self, caller: Caller, times: int) -> None:
        self._pipeline = caller.pipeline
        self._decide = caller.pipeline.decide_all
        self._times = times

    def decide_all(self) -> None:
        [command] = self._pipeline.waiting
        if self._times and isinstance(command, DirectoryCommand):
            self._times -= 1
            self._be_first(command)
        self._decide()

    def _be_first(self, command: DirectoryCommand) -> None:
        record = self._pipeline.entities[command.entity_id]
        assert isinstance(record.entity, WebhookEndpoint)
        mine = DirectoryCommand(
            command_id=f"{self._times:08d}{UNKNOWN[8:]}",
            action=Action.CHANGE,
            entity_id=record.entity_id,
            tenant_id=record.tenant_id,
            kind=record.kind,
            fingerprint=b"rival",
            requested_at_us=record.updated_at_us,
            entity=WebhookEndpoint(
                url=record.entity.url,
                events=record.entity.events,
                enabled=False,
                disabled_reason=DisabledReason.GONE,
            ),
            based_on=record.version,
        )
        result = change(mine, record)
        assert isinstance(result, Changed)
        self._pipeline.entities[record.entity_id] = result.record
        self._pipeline.unread.append(result.record)
        self._pipeline._read()


def test_who_was_not_first_decides_anew_on_what_is_there_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        monkeypatch.setattr(caller.pipeline, "decide_all", Rival(caller, ATTEMPTS_MAX - 1).decide_all)
        answer = await changed(caller, endpoint["id"], url="https://example.com/b")
        assert answer.status_code == 200
        assert (answer.json()["url"], answer.json()["disabled_reason"]) == ("https://example.com/b", "gone")

    with_caller(story)


def test_who_is_never_first_is_told_of_the_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        monkeypatch.setattr(caller.pipeline, "decide_all", Rival(caller, ATTEMPTS_MAX).decide_all)
        answer = await changed(caller, endpoint["id"], url="https://example.com/b")
        assert problem(answer) == (409, "version-conflict", [])
        assert (await caller.http.get(PATH + endpoint["id"])).json()["url"] == URL

    with_caller(story)


def test_a_rotation_gives_a_new_secret_and_leaves_the_former_for_a_day() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        answer = await rotated(caller, endpoint["id"])
        shown = answer.json()
        assert answer.status_code == 200
        assert shown == endpoint | {"secret": shown["secret"]}
        assert shown["secret"] != endpoint["secret"]
        assert kept_secrets(caller, endpoint["id"]) == [shown["secret"], endpoint["secret"]]
        assert "secret" not in (await caller.http.get(PATH + endpoint["id"])).json()

    with_caller(story)


def test_a_rotation_is_heard_once_by_its_key_and_shows_the_one_secret_that_is_kept() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        answers = await asyncio.gather(*(rotated(caller, endpoint["id"], "r") for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        await rotated(caller, endpoint["id"])
        again = await rotated(caller, endpoint["id"], "r")
        assert (again.content, again.headers["Idempotency-Replayed"]) == (answers[0].content, "true")
        assert len(kept_secrets(caller, endpoint["id"])) == 3

    with_caller(story)


def test_an_endpoint_has_no_more_secrets_than_a_header_is_to_hold() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        for _ in range(SECRETS_MAX - 1):
            assert (await rotated(caller, endpoint["id"])).status_code == 200
        assert problem(await rotated(caller, endpoint["id"])) == (409, "too-many-secrets", [])

    with_caller(story)


def test_a_deleted_endpoint_is_gone_and_stays_so() -> None:
    async def story(caller: Caller) -> None:
        endpoint, other = await made(caller), await made(caller)
        place = PATH + endpoint["id"]
        for _ in range(2):
            gone = await caller.http.delete(place)
            assert (gone.status_code, gone.content) == (204, b"")
        assert (await caller.http.get(place)).status_code == 404
        assert [item["id"] for item in (await caller.http.get(PATH)).json()["items"]] == [other["id"]]
        assert (await changed(caller, endpoint["id"], enabled=True)).status_code == 404
        for path in ("rotate-secret", "replay"):
            assert (await caller.http.post(f"{place}/{path}")).status_code == 404
        assert (await caller.http.get(f"{place}/deliveries")).status_code == 404

    with_caller(story)


def test_nobody_reaches_anothers_endpoint_or_what_is_none() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        theirs = await stranger(caller)
        for place in (PATH + endpoint["id"], PATH + UNKNOWN, PATH + "x", PATH + caller.body["lease_id"]):
            headers = theirs if endpoint["id"] in place else None
            answers = [
                await caller.http.get(place, headers=headers),
                await caller.http.patch(place, json={"enabled": False}, headers=headers),
                await caller.http.delete(place, headers=headers),
                await caller.http.post(f"{place}/rotate-secret", headers=headers),
                await caller.http.get(f"{place}/deliveries", headers=headers),
                await caller.http.post(f"{place}/replay", headers=headers),
            ]
            for answer in answers:
                assert (answer.status_code, answer.json()["detail"]) == (404, "no such webhook endpoint"), place
        assert (await caller.http.get(PATH, headers=theirs)).json()["items"] == []
        assert (await caller.http.get(PATH + endpoint["id"])).json()["enabled"]

    with_caller(story)


def test_a_key_that_may_only_read_changes_nothing() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
        body = {"tenant_id": "acme", "scopes": ["read"]}
        key = (await caller.http.post("/api/v1/api-keys/", json=body, headers=admin)).json()["key"]
        reader, place = {"Authorization": f"Bearer {key}"}, PATH + endpoint["id"]
        assert (await caller.http.get(place, headers=reader)).status_code == 200
        assert (await caller.http.get(f"{place}/deliveries", headers=reader)).status_code == 200
        refused = [
            await caller.http.post(PATH, json={"url": URL}, headers=reader),
            await caller.http.patch(place, json={"enabled": False}, headers=reader),
            await caller.http.delete(place, headers=reader),
            await caller.http.post(f"{place}/rotate-secret", headers=reader),
            await caller.http.post(f"{place}/replay", headers=reader),
        ]
        assert {answer.status_code for answer in refused} == {403}

    with_caller(story)


def test_with_postgres_down_endpoints_are_made_read_and_changed() -> None:
    async def story(caller: Caller) -> None:
        caller.pipeline.views_answer = False
        endpoint = await made(caller)
        assert (await changed(caller, endpoint["id"], enabled=False)).status_code == 200
        assert (await rotated(caller, endpoint["id"])).status_code == 200
        assert (await caller.http.get(PATH + endpoint["id"])).json()["enabled"] is False
        assert (await caller.http.get(PATH)).status_code == 503

    with_caller(story)


def test_with_kafka_away_a_change_is_503_and_with_the_stream_app_down_202() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        caller.pipeline.kafka_answers = False
        assert (await changed(caller, endpoint["id"], enabled=False)).status_code == 503
        assert (await rotated(caller, endpoint["id"], "r")).status_code == 503
        caller.pipeline.kafka_answers, caller.pipeline.decides = True, False
        later = await changed(caller, endpoint["id"], enabled=False, idempotency_key="off")
        assert (later.status_code, later.json()["enabled"]) == (202, True)
        assert (await rotated(caller, endpoint["id"], "r")).json()["secret"] is None
        assert (await caller.http.delete(PATH + endpoint["id"])).status_code == 202
        caller.pipeline.decide_all()
        done = await changed(caller, endpoint["id"], enabled=False, idempotency_key="off")
        assert (done.status_code, done.json()["enabled"], done.json()["status"]) == (200, False, "revoked")

    with_caller(story, outcome_wait_s=0.05)


def test_secrets_that_cannot_be_opened_are_not_replaced() -> None:
    async def story(caller: Caller) -> None:
        endpoint = await made(caller)
        secret = caller.parts.directory.secret(endpoint["id"])
        assert secret is not None
        other = caller.parts.directory.secret((await made(caller))["id"])
        caller.parts.directory._register._secrets[endpoint["id"]] = other  # type: ignore[assignment]
        assert problem(await rotated(caller, endpoint["id"])) == (503, "secret-unreadable", [])

    with_caller(story)


def test_every_event_type_can_be_asked_for() -> None:
    async def story(caller: Caller) -> None:
        events = [told.value for told in TOLD_TYPES]
        assert (await made(caller, events=events[::-1]))["events"] == events

    with_caller(story)


def test_a_tenant_has_a_bounded_number_of_endpoints_and_room_again_when_one_is_deleted() -> None:
    async def story(caller: Caller) -> None:
        first = await made(caller, idempotency_key="first")
        for _ in range(ENDPOINTS_MAX - 1):
            await made(caller)
        assert problem(await caller.http.post(PATH, json={"url": URL})) == (409, "too-many-endpoints", [])
        again = await caller.http.post(PATH, json={"url": URL, "idempotency_key": "first"})
        assert (again.status_code, again.json()["id"]) == (200, first["id"])
        assert (await caller.http.post(PATH, json={"url": URL}, headers=await stranger(caller))).status_code == 201
        await changed(caller, first["id"], enabled=False)
        assert (await caller.http.post(PATH, json={"url": URL})).status_code == 409
        assert (await caller.http.delete(PATH + first["id"])).status_code == 204
        await made(caller)

    with_caller(story)
