"""Statements over HTTP, through the API and the reconciler's own routes, without Kafka."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import cast

import httpx
import pytest
from starlette.applications import Starlette

from ingest_api.examples import EXAMPLE_STATEMENT, Examples
from ingest_api.reconciler_line import ReconcilerLine
from payments.payment import Status
from reconciliation.reconciler import Reconciler
from reconciliation.reconciliation_log import ReconciliationLog
from reconciliation.routes import STATUSES, answer_refusal, reconciler_routes
from schemas.reconciliation import import_id_of
from tests.unit.ingest_api.small_pipeline import ADMIN_KEY, Caller, with_caller
from tests.unit.reconciliation.desk_in_hand import NOW_US, DeskInHand, booking, known, reference_of, statement_file

STATEMENTS = "/api/v1/reconciliation/statements"
ITEMS = "/api/v1/reconciliation/items"
RENT = 150_000
RENTS = [known("march", tenant_id="acme"), known("april", tenant_id="acme", status=Status.PROCESSING)]
DAY = statement_file(
    {
        "Q": [
            booking(RENT, reference_of(RENTS[0])),
            booking(RENT, reference_of(RENTS[1]), reference="BK-2"),
            booking(RENT, reference_of(RENTS[0]), reference="BK-3"),
            booking(-1_500, reference="FEE", text="account fee"),
        ]
    }
)


class LogInHand(DeskInHand):
    """What the reconciler needs of a log."""

    @property
    def payments(self) -> LogInHand:
        return self

    def catch_up(self) -> int:
        return 0

    def close(self) -> None:
        self.book.close()


def reconciler_line(folder: Path) -> ReconcilerLine:
    """Return a line to a reconciler that knows March's and April's rent."""
    path = folder / "book.sqlite"
    reconciler = Reconciler(cast(ReconciliationLog, LogInHand(RENTS, path=path)), path, lambda: NOW_US, frozenset())
    app = Starlette(
        routes=reconciler_routes(reconciler, folder, lambda: NOW_US),
        exception_handlers=dict.fromkeys(STATUSES, answer_refusal),
    )
    return ReconcilerLine("http://reconciler", httpx.ASGITransport(app))


def test_a_statement_is_compared_once_and_its_items_are_resolved(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        first = await caller.http.post(STATEMENTS, params={"name": "day.csv"}, content=DAY)
        assert first.status_code == 201, first.text
        found = first.json()
        counts = ("matched", "repaired", "duplicates", "unmatched_at_bank", "mismatched", "unmatched_here", "unproven")
        assert [found[name] for name in counts] == [1, 1, 1, 1, 0, 0, 0]
        assert found["id"] == import_id_of("acme", hashlib.sha256(DAY).digest(), is_whole=True)
        assert found["proofs"][0] | {"holds": True, "ledger": "1500.00", "difference": "0.00"} == found["proofs"][0]
        again = await caller.http.post(STATEMENTS, content=DAY)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert again.content == first.content

        items = (await caller.http.get(ITEMS)).json()
        assert [item["state"] for item in items["items"]] == ["repaired", "duplicate", "unmatched_at_bank"]
        assert items["next_cursor"] is None
        page = (await caller.http.get(ITEMS, params={"limit": 2})).json()
        rest = (await caller.http.get(ITEMS, params={"cursor": page["next_cursor"]})).json()
        assert page["items"] + rest["items"] == items["items"]
        fee = items["items"][-1]
        assert (fee["amount"], fee["statement"]["text"], fee["payment"]) == ("-15.00", "account fee", None)

        path, word = f"{ITEMS}/{fee['id']}/resolve", {"resolution": "accepted", "note": "the fee"}
        said = await caller.http.post(path, json=word)
        assert (said.status_code, said.json()["is_open"]) == (200, False)
        assert "Idempotency-Replayed" not in said.headers
        twice = await caller.http.post(path, json=word)
        assert (twice.content, twice.headers["Idempotency-Replayed"]) == (said.content, "true")
        other = await caller.http.post(path, json=word | {"note": "no"})
        assert (other.status_code, other.json()["type"]) == (409, "/docs/problems#item-resolved")
        still_open = (await caller.http.get(ITEMS, params={"state": "open"})).json()["items"]
        assert [item["state"] for item in still_open] == ["duplicate"]
        repaired = f"{ITEMS}/{items['items'][0]['id']}/resolve"
        assert (await caller.http.post(repaired, json=word)).status_code == 409

    with_caller(story, reconciler=reconciler_line(tmp_path))


def test_the_operators_statement_is_another_comparison(tmp_path: Path) -> None:
    async def story(caller: Caller) -> None:
        assert (await caller.http.post(STATEMENTS, content=DAY)).status_code == 201
        caller.http.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
        assert (await caller.http.get(ITEMS)).json()["items"] == []
        assert (await caller.http.post(STATEMENTS, content=DAY)).status_code == 201
        assert len((await caller.http.get(ITEMS)).json()["items"]) == 3

    with_caller(story, reconciler=reconciler_line(tmp_path))


@pytest.mark.parametrize(
    ("path", "query", "body", "status", "said"),
    [
        (STATEMENTS, {}, DAY[: DAY.rindex(b"file,")], 422, "truncated"),
        (STATEMENTS, {}, b"%PDF-1.7", 422, "unknown-format"),
        (STATEMENTS, {}, b"", 400, "bank statement"),
        (STATEMENTS, {"whole": "perhaps"}, DAY, 422, "must be one of yes, no"),
        (f"{ITEMS}/{'0' * 32}/resolve", {}, b'{"resolution": "accepted", "note": "x"}', 404, "no such item"),
        (f"{ITEMS}/../resolve", {}, b'{"resolution": "accepted", "note": "x"}', 404, "no such"),
        (f"{ITEMS}/{'0' * 32}/resolve", {}, b'{"resolution": "booked_later", "note": "x"}', 422, "must be one of"),
        (f"{ITEMS}/{'0' * 32}/resolve", {}, b'{"resolution": "accepted"}', 422, "note: is required"),
    ],
)
def test_what_is_wrong_is_refused_and_why(
    tmp_path: Path, path: str, query: dict[str, str], body: bytes, status: int, said: str
) -> None:
    async def story(caller: Caller) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await caller.http.post(path, params=query, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        assert said in answer.json()["detail"]

    with_caller(story, reconciler=reconciler_line(tmp_path))


@pytest.mark.parametrize("query", [{"state": "lost"}, {"cursor": "x"}, {"limit": "0"}])
def test_a_list_that_cannot_be_is_refused(tmp_path: Path, query: dict[str, str]) -> None:
    async def story(caller: Caller) -> None:
        assert (await caller.http.get(ITEMS, params=query)).status_code in (400, 422)

    with_caller(story, reconciler=reconciler_line(tmp_path))


@pytest.mark.parametrize(
    ("error", "status"),
    [(httpx.ConnectError("refused"), 503), (httpx.ReadTimeout("slow"), 202), (httpx.RemoteProtocolError("gone"), 503)],
)
def test_a_reconciler_that_is_away_or_slow_is_told_as_that(error: Exception, status: int) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    async def story(caller: Caller) -> None:
        told = await caller.http.post(STATEMENTS, content=DAY)
        assert told.status_code == status
        assert told.headers["Retry-After"] == "1"
        if status == 202:
            assert told.json() == {"id": import_id_of("acme", hashlib.sha256(DAY).digest(), is_whole=True)}
        assert (await caller.http.get(ITEMS)).status_code == 503

    with_caller(story, reconciler=ReconcilerLine("http://reconciler", httpx.MockTransport(answer)))


def test_the_example_names_the_item_that_its_statement_gives() -> None:
    examples = Examples(tenant_id="demo", today=date(2026, 12, 1))
    desk = DeskInHand()
    desk.take(EXAMPLE_STATEMENT.encode(), tenant_id="demo")
    assert [finding.finding_id for finding in desk.findings()] == [examples.item_id]
