"""What a caller is told of a tenant's figures and of the processes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_api.metric_periods import last_periods
from payments.commands import RailReport, Report
from payments.idempotency import payment_id
from projections.queries import Bucket
from tests.unit.ingest_api.small_metrics import SmallMetrics
from tests.unit.ingest_api.small_pipeline import ADMIN_KEY, NOW_US, Caller, with_caller

SUMMARY = "/api/v1/metrics/summary"
PROCESSES = "/api/v1/metrics/processes"
TODAY = datetime.fromtimestamp(NOW_US // 1_000_000, UTC).date()
DAY = timedelta(days=1)


def report(key: str, said: Report, *, after_us: int) -> RailReport:
    refused = said in (Report.REJECTED, Report.RETURNED)
    return RailReport(
        tenant_id="acme", idempotency_key=key, attempt=1, report=said, occurred_at_us=NOW_US + after_us,
        code="R01" if refused else None, reason="no money" if refused else None,
    )  # fmt: skip


async def one_of_each(caller: Caller) -> None:
    """Leave a payment that is pending, one that is completed, one that failed, one that was returned, one cancelled."""
    for key in ("waits", "paid", "failed", "back", "not"):
        await caller.pay(key, payment_rail_type="wire" if key == "paid" else "standard_ach", amount="10.01")
    for key in ("paid", "failed", "back"):
        caller.pipeline.move(report(key, Report.CLAIMED, after_us=1))
    caller.pipeline.move(report("failed", Report.REJECTED, after_us=2))
    for key in ("paid", "back"):
        caller.pipeline.move(report(key, Report.SETTLED, after_us=2))
    caller.pipeline.move(report("back", Report.RETURNED, after_us=3))
    cancel = {"Idempotency-Key": "no"}
    await caller.http.post(f"/api/v1/payments/{payment_id('acme', 'not')}/cancel", headers=cancel)


async def summary_of(caller: Caller, **query: Any) -> Any:
    answer = await caller.http.get(SUMMARY, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@given(st.dates(date(2000, 1, 1), date(2199, 12, 31)), st.sampled_from(Bucket), st.integers(1, 120))
def test_periods_follow_each_other_and_today_is_in_the_last(today: date, bucket: Bucket, count: int) -> None:
    starts = last_periods(today, bucket, count)
    assert len(starts) == count
    length = {Bucket.DAY: {1}, Bucket.WEEK: {7}, Bucket.MONTH: {28, 29, 30, 31}}[bucket]
    assert {(later - earlier).days for earlier, later in pairwise(starts)} <= length
    assert starts[-1] <= today < starts[-1] + max(length) * DAY
    if bucket is Bucket.WEEK:
        assert {start.weekday() for start in starts} == {0}
    if bucket is Bucket.MONTH:
        assert {start.day for start in starts} == {1}
        assert starts[-1].month == today.month


def test_a_summary_is_a_number_for_every_period_and_an_amount_with_two_decimals() -> None:
    async def story(caller: Caller) -> None:
        await one_of_each(caller)
        body = await summary_of(caller, periods=3)
        assert (body["tenant_id"], body["currency"], body["bucket"], body["to"]) == ("acme", "USD", "day", str(TODAY))
        assert body["periods"] == [str(TODAY - 2 * DAY), str(TODAY - DAY), str(TODAY)]
        assert {(it["payment_rail_type"], it["status"]) for it in body["volume"]} == {
            ("wire", "completed"), ("standard_ach", "pending"), ("standard_ach", "failed"),
            ("standard_ach", "returned"), ("standard_ach", "cancelled"),
        }  # fmt: skip
        for series in body["volume"]:
            assert (series["counts"], series["amounts"]) == ([0, 0, 1], ["0.00", "0.00", "10.01"])

    with_caller(story)


def test_the_failure_rate_is_of_what_ended_but_was_not_cancelled() -> None:
    async def story(caller: Caller) -> None:
        nothing = await summary_of(caller)
        assert nothing["failure_rate"] == {"overall": None, "by_period": [None] * 30, "by_rail": []}
        await one_of_each(caller)
        rate = (await summary_of(caller, periods=2))["failure_rate"]
        assert rate["overall"] == pytest.approx(2 / 3, abs=1e-6)
        assert rate["by_period"] == [None, rate["overall"]]
        by_rail = {row["payment_rail_type"]: row["failure_rate"] for row in rate["by_rail"]}
        assert by_rail == {"standard_ach": 1.0, "wire": 0.0}

    with_caller(story)


def test_a_summary_tells_reasons_times_and_what_is_in_flight() -> None:
    async def story(caller: Caller) -> None:
        await one_of_each(caller)
        body = await summary_of(caller, bucket="month", periods=2)
        assert len(body["periods"]) == 2
        assert [it["failure_code"] for it in body["failures"]] == ["R01", "R01"]
        assert {"month": str(TODAY.replace(day=1)), "payment_rail_type": "wire", "count": 1, "p50_s": 1.5,
                "p95_s": 2.0} in body["time_to_settle"]  # fmt: skip
        assert body["in_flight"] == [
            {"payment_rail_type": "standard_ach", "status": "pending", "count": 1, "amount": "10.01",
             "oldest_day": str(TODAY)}
        ]  # fmt: skip

    with_caller(story)


def test_a_summary_shows_its_tenant_only() -> None:
    async def story(caller: Caller) -> None:
        await one_of_each(caller)
        for payment in list(caller.pipeline.payments.values()):
            assert payment.head.tenant_id == "acme"
        caller.http.headers["Authorization"] = await key_of_another_tenant(caller)
        body = await summary_of(caller)
        assert (body["tenant_id"], body["volume"], body["in_flight"]) == ("other", [], [])

    with_caller(story)


async def key_of_another_tenant(caller: Caller) -> str:
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    await caller.http.post("/api/v1/tenants/", json={"id": "other"}, headers=admin)
    made = await caller.http.post("/api/v1/api-keys/", json={"tenant_id": "other", "scopes": ["read"]}, headers=admin)
    return f"Bearer {made.json()['key']}"


def test_who_has_the_figures_is_not_sent_them_again_until_they_change() -> None:
    async def story(caller: Caller) -> None:
        for path in (SUMMARY, PROCESSES, "/api/v1/payments/"):
            first = await caller.http.get(path)
            again = await caller.http.get(path, headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status_code, again.content) == (304, b""), path
        before = (await caller.http.get("/api/v1/payments/")).headers["ETag"]
        await caller.pay("rent")
        changed = await caller.http.get("/api/v1/payments/", headers={"If-None-Match": before})
        assert (changed.status_code, len(changed.json()["items"])) == (200, 1)

    with_caller(story)


def test_many_who_look_at_once_cost_one_question() -> None:
    async def story(caller: Caller) -> None:
        metrics = cast(SmallMetrics, caller.parts.queries.metrics)
        await asyncio.gather(*(summary_of(caller, periods=7) for _ in range(5)))
        assert metrics.asked == 1
        await summary_of(caller, periods=8)
        assert metrics.asked == 2

    with_caller(story)


@pytest.mark.parametrize(
    ("query", "field"),
    [("periods=0", "periods"), ("periods=121", "periods"), ("periods=x", "periods"), ("bucket=hour", "bucket"),
     ("from=2026-01-01", "from")],
)  # fmt: skip
def test_a_bad_query_is_refused_by_name(query: str, field: str) -> None:
    async def story(caller: Caller) -> None:
        answer = await caller.http.get(f"{SUMMARY}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)

    with_caller(story)


def test_without_the_views_there_are_no_figures_but_the_processes_are_told() -> None:
    async def story(caller: Caller) -> None:
        told = (await caller.http.get(PROCESSES)).json()
        assert told == {
            "items": [], "kafka": True, "postgres": True,
            "views": [{"topic": "directory-events", "lag": 0, "behind_s": None},
                      {"topic": "payment-events", "lag": 3, "behind_s": 0.4}],
        }  # fmt: skip
        caller.pipeline.views_answer = False
        assert (await caller.http.get(SUMMARY)).status_code == 503

    async def without_views(caller: Caller) -> None:
        caller.pipeline.views_answer = False
        told = (await caller.http.get(PROCESSES)).json()
        assert (told["postgres"], told["views"]) == (False, [])
        del caller.http.headers["Authorization"]
        for path in (SUMMARY, PROCESSES):
            assert (await caller.http.get(path)).status_code == 401

    with_caller(story)
    with_caller(without_views)
