"""The figures of a tenant are what SQL says of its payments, row by row; and few rows are read for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from payments.commands import Report
from payments.payment import Payment
from projections.migrate import migrate
from projections.named_sql import statement
from projections.queries import Bucket, MetricQueries, Queries
from tests.integration.asked import ask
from tests.integration.projected_log import T0_US, life, order, steps
from tests.integration.split_log import TOPIC_IDS, Log, empty, project

DAY_US = 86_400_000_000
BEGIN = datetime.fromtimestamp(T0_US // 1_000_000, UTC).date()
LAST = BEGIN + timedelta(days=69)
PAYMENTS = 70


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password="analyst")
    with psycopg.connect(database, autocommit=True, prepare_threshold=0, options="-c timezone=UTC") as opened:
        empty(opened)
        project(opened, ten_weeks(), [])
        yield opened


def ten_weeks() -> Log:
    """A payment a day, of which most have ended; and as many of another tenant."""
    log = Log()
    for tenant_id in ("rows", "other"):
        for number in range(PAYMENTS):
            for step in lived(tenant_id, number):
                log.add(step)
    return log


def lived(tenant_id: str, number: int) -> list[Payment]:
    first = order(tenant_id, number, requested_at_us=T0_US + number * DAY_US)
    match number % 11:
        case 9:
            return steps(first)
        case 10:
            return steps(first, Report.CLAIMED)
        case _:
            return life(first, number)


def asked(connection: psycopg.Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode(), values, prepare=False).fetchall()


@pytest.mark.parametrize("bucket", Bucket)
@pytest.mark.parametrize(("first", "last"), [(BEGIN, LAST), (BEGIN + timedelta(days=9), BEGIN + timedelta(days=30))])
def test_volume_is_every_payment_of_these_days_once(
    connection: psycopg.Connection, database: str, bucket: Bucket, first: date, last: date
) -> None:
    expected = asked(
        connection,
        """SELECT date_trunc(%(bucket)s, initiated_at AT TIME ZONE 'UTC')::date, payment_rail_type, status, count(*),
               (sum(amount) * 100)::bigint
           FROM analytics.payments
           WHERE tenant_id = 'rows' AND (initiated_at AT TIME ZONE 'UTC')::date BETWEEN %(first)s AND %(last)s
           GROUP BY 1, 2, 3 ORDER BY 2, 3, 1""",
        bucket=bucket.value, first=first, last=last,
    )  # fmt: skip
    rows = ask(database, lambda it: it.metrics.volume("rows", "USD", bucket=bucket, first=first, last=last))
    assert [(it.period, it.payment_rail_type, it.status, it.count, it.amount_minor) for it in rows] == expected
    assert sum(row.count for row in rows) == (last - first).days + 1


def test_what_is_in_flight_and_why_payments_fail_is_what_the_rows_say(
    connection: psycopg.Connection, database: str
) -> None:
    in_flight = asked(
        connection,
        """SELECT payment_rail_type, status, count(*), (sum(amount) * 100)::bigint,
               min(initiated_at AT TIME ZONE 'UTC')::date
           FROM analytics.payments
           WHERE tenant_id = 'rows' AND status IN ('pending', 'processing') GROUP BY 1, 2 ORDER BY 1, 2""",
    )
    failures = asked(
        connection,
        """SELECT event_type, event.metadata ->> 'failure_code', count(*), (sum(amount) * 100)::bigint
           FROM analytics.payment_events AS event JOIN analytics.payments AS payment USING (tenant_id, payment_id)
           WHERE tenant_id = 'rows' AND event_type IN ('payment_failed', 'payment_returned')
               AND (occurred_at AT TIME ZONE 'UTC')::date BETWEEN %(first)s AND %(last)s
           GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2""",
        first=BEGIN, last=BEGIN + timedelta(days=40),
    )  # fmt: skip
    assert in_flight
    assert failures

    async def questions(queries: Queries) -> None:
        metrics = queries.metrics
        flying = await metrics.in_flight("rows", "USD")
        assert [
            (it.payment_rail_type, it.status, it.count, it.amount_minor, it.oldest_day) for it in flying
        ] == in_flight
        failed = await metrics.failures("rows", "USD", first=BEGIN, last=BEGIN + timedelta(days=40))
        assert [(it.event_type, it.failure_code, it.count, it.amount_minor) for it in failed] == failures
        for nobodys in ("nobody", "", "a\tb"):
            assert await nothing_of(metrics, nobodys)
        assert await metrics.in_flight("rows", "EUR") == []

    ask(database, questions)


async def nothing_of(metrics: MetricQueries, tenant_id: str) -> bool:
    found = [
        await metrics.volume(tenant_id, "USD", bucket=Bucket.DAY, first=BEGIN, last=LAST),
        await metrics.in_flight(tenant_id, "USD"),
        await metrics.failures(tenant_id, "USD", first=BEGIN, last=LAST),
        await metrics.settle_times(tenant_id, first=BEGIN, last=LAST),
    ]
    return not any(found)


def test_times_to_settle_are_of_the_months_that_the_days_touch(connection: psycopg.Connection, database: str) -> None:
    every = asked(
        connection,
        """SELECT month, payment_rail_type, count, p50_s, p95_s FROM analytics.settle_times WHERE tenant_id = 'rows'
           ORDER BY month DESC, payment_rail_type""",
    )
    months = sorted({row[0] for row in every})
    assert len(months) == 3
    end_of_the_second = months[2] - timedelta(days=1)
    for first, last, shown in [(BEGIN, LAST, months), (months[1] + timedelta(days=5), end_of_the_second, months[1:2])]:
        rows = ask(database, lambda it: it.metrics.settle_times("rows", first=first, last=last))  # noqa: B023
        found = [(it.month, it.payment_rail_type, it.count, it.p50_s, it.p95_s) for it in rows]
        assert found == [row for row in every if row[0] in shown]


def test_how_far_the_views_are_behind_is_told_by_topic(database: str) -> None:
    rows = ask(database, lambda it: it.metrics.freshness())
    assert [(row.topic, row.lag) for row in rows] == [(topic, 0) for topic in sorted(TOPIC_IDS)]
    assert all(row.behind_s is not None and row.behind_s >= 0 for row in rows)


def test_of_many_tenants_and_days_only_those_that_are_shown_are_read(connection: psycopg.Connection) -> None:
    connection.execute(
        """INSERT INTO projection.daily_payments (
               tenant_id, day, payment_rail_type, status, currency, partition, count, amount_minor
           )
           SELECT 'many-' || tenant, date '2025-01-01' + day, 'wire', status, 'USD', 0, 1, 100
           FROM generate_series(1, 50) AS tenant, generate_series(0, 364) AS day,
               unnest(ARRAY['pending', 'processing', 'completed']) AS status"""
    )
    connection.execute("ANALYZE projection.daily_payments")
    of = {"tenant_id": "many-7", "currency": "USD"}
    days = {"bucket": "day", "first": date(2025, 3, 1), "last": date(2025, 3, 30)}
    assert rows_read(connection, "sum_volume", of | days) == 30 * 3
    assert rows_read(connection, "sum_in_flight", of) == 365 * 2


def rows_read(connection: psycopg.Connection, name: str, values: dict[str, Any]) -> int:
    """Return how many rows a statement found by the key of daily_payments; it must not look elsewhere."""
    ((plan,),) = asked(connection, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement(name)}", **values)
    scans = [node for node in nodes(plan[0]["Plan"]) if "Relation Name" in node]
    assert [scan["Relation Name"] for scan in scans] == ["daily_payments"], json.dumps(plan)
    assert scans[0]["Node Type"] != "Seq Scan", json.dumps(plan)
    return int(scans[0]["Actual Rows"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
