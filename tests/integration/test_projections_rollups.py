"""The sums are what the rows say, whatever the split of the log; and percentiles and leases are what Python says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directory.changes import DirectoryRecord, State
from payments.commands import InitiatePayment, Order, Report
from payments.payment import Payment
from projections.migrate import migrate, migrations
from projections.rollup_checks import CHECKS, inconsistencies
from projections.transaction import prepare
from tests.integration.projected_log import T0_US, life, order, steps
from tests.integration.split_log import Log, empty, lease, ledger_of, project, rent
from tests.unit.payments.histories import after_all, lives

ROLLUPS = ("daily_payments", "daily_failures", "daily_ledger", "settle_times", "open_payments", "leases")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password="analyst")
    with psycopg.connect(database, autocommit=True, prepare_threshold=0) as opened:
        prepare(opened)
        yield opened


@pytest.fixture(autouse=True)
def begin_empty(connection: psycopg.Connection) -> None:
    empty(connection)


def sums(connection: psycopg.Connection) -> dict[str, list[str]]:
    return {
        table: sorted(row[0] for row in connection.execute(f"SELECT t::text FROM projection.{table} t".encode()))
        for table in ROLLUPS
    }


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    strange=lives,
    interleaved=st.randoms(use_true_random=False),
    cuts=st.sets(st.integers(1, 60), max_size=10),
)
def test_sums_are_the_same_whatever_the_split_and_are_what_the_rows_say(
    connection: psycopg.Connection, strange: list[Order], interleaved: random.Random, cuts: set[int]
) -> None:
    histories = [life(order("rows", number), number) for number in range(10)]
    histories.append(after_all(strange))
    histories.append(steps(order("rows", 90), Report.CLAIMED))
    histories.append(steps(order("rows", 91)))
    whole, split = Log(), Log()
    whole.add(lease(1, rent(date(2025, 1, 1))))
    for history in histories:
        for step in history:
            whole.add(step)
    empty(connection)
    project(connection, whole, [])
    in_one = sums(connection)
    assert inconsistencies(connection) == {}
    # Each payment's steps in their order, payments in any; the lease's terms come after money was paid on it.
    waiting: list[list[Payment | DirectoryRecord]] = [list(history) for history in histories]
    waiting.append([lease(1, rent(date(2025, 1, 1)))])
    while waiting:
        chosen = interleaved.choice(waiting)
        split.add(chosen.pop(0))
        waiting = [rest for rest in waiting if rest]
    empty(connection)
    project(connection, split, sorted(cut for cut in cuts if cut < len(split.records)))
    assert sums(connection) == in_one


def test_what_was_projected_before_the_sums_were_kept_is_counted_by_their_migration(
    connection: psycopg.Connection,
) -> None:
    log = Log()
    for number in range(20):
        for step in life(order("rows", number), number):
            log.add(step)
    log.add(lease(1, rent(date(2025, 1, 31), due_day=31)))
    log.add(lease(2, rent(date(2025, 2, 15), end=date(2026, 2, 14)), state=State.REVOKED, version=2))
    project(connection, log, [])
    kept = sums(connection)
    connection.execute(f"TRUNCATE {', '.join(f'projection.{table}' for table in ROLLUPS)}".encode())
    text = next(step.text for step in migrations() if step.name == "rollups")
    connection.execute(text[text.index("-- What was projected before") :].encode(), prepare=False)
    assert sums(connection) == kept


@pytest.mark.parametrize("name", CHECKS)
def test_a_sum_that_is_wrong_is_found(connection: psycopg.Connection, name: str) -> None:
    log = Log()
    for step in [*life(order("rows", 1), 1), *steps(order("rows", 2))]:
        log.add(step)
    project(connection, log, [])
    assert inconsistencies(connection) == {}
    table = name.removeprefix("check_")
    connection.execute(f"DELETE FROM projection.{table}".encode())
    assert set(inconsistencies(connection)) == {table}


def test_a_payment_is_in_one_row_of_the_daily_volume(connection: psycopg.Connection) -> None:
    def volume() -> list[tuple[object, ...]]:
        return connection.execute("SELECT day, status, count, amount::text FROM analytics.daily_volume").fetchall()

    log = Log()
    history = life(order("rows", 1, amount_minor=150_000), 1)
    seen = []
    for cut, step in enumerate(history):
        log.add(step)
        empty(connection)
        project(connection, log, list(range(1, cut + 1)))
        seen += volume()
    day = date(2025, 2, 20)
    assert seen == [(day, status, 1, "1500.00") for status in ("pending", "processing", "completed", "returned")]


def test_percentiles_are_within_eight_thousandths(connection: psycopg.Connection) -> None:
    took_us = [1_000_000 + 7_919 * number for number in range(200)]
    log = Log()
    for number, us in enumerate(took_us):
        first: InitiatePayment = order("rows", number, payment_rail_type="instant")
        for step in steps(first, Report.CLAIMED, Report.SETTLED, after_us=(10, us)):
            log.add(step)
    project(connection, log, [50, 333])
    shown = connection.execute("SELECT count, failure_rate, p50_s, p95_s FROM analytics.rail_performance").fetchone()
    assert shown is not None
    assert shown[:2] == (200, 0)
    assert float(shown[2]) == pytest.approx(took_us[99] / 1e6, rel=0.008)
    assert float(shown[3]) == pytest.approx(took_us[189] / 1e6, rel=0.008)
    by_month = connection.execute("SELECT month, count, p50_s, p95_s FROM analytics.settle_times").fetchone()
    assert by_month == (date(2025, 2, 1), 200, *shown[2:])


def test_time_to_settle_begins_with_the_effective_date(connection: psycopg.Connection) -> None:
    first = order("rows", 1, effective_date="2025-03-01")
    begin_us = int(datetime(2025, 3, 1, tzinfo=UTC).timestamp() * 1e6)
    log = Log()
    for step in steps(first, Report.CLAIMED, Report.SETTLED, after_us=(10, begin_us + 64_000_000 - T0_US)):
        log.add(step)
    project(connection, log, [])
    assert connection.execute("SELECT p50_s::float FROM analytics.settle_times").fetchone() == pytest.approx(
        (64,), rel=0.008
    )


TODAY = datetime.now(UTC).date()
starts = st.dates(TODAY - 900 * DAY, TODAY + 40 * DAY)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=starts,
    length=st.none() | st.integers(0, 800),
    due_day=st.integers(1, 31),
    paid=st.lists(st.sampled_from([100_000, 50_000, 1]), max_size=6),
)
def test_a_leases_ledger_has_its_due_dates_and_pays_the_oldest_first(
    connection: psycopg.Connection, start: date, length: int | None, due_day: int, paid: list[int]
) -> None:
    end = None if length is None else start + length * DAY
    terms = rent(start, due_day=due_day, end=end)
    record = lease(1, terms)
    log = Log()
    log.add(record)
    for number, amount_minor in enumerate(paid):
        first = order("rows", number, lease_id=record.entity_id, amount_minor=amount_minor)
        for step in steps(first, Report.CLAIMED, Report.SETTLED):
            log.add(step)
    empty(connection)
    project(connection, log, [])
    expected = ledger_of(terms, paid_minor=sum(paid), today=TODAY)
    shown = connection.execute(
        "SELECT due_date, (due * 100)::int, (paid * 100)::int, late FROM analytics.lease_ledger ORDER BY due_date"
    ).fetchall()
    assert shown == expected
    late = [row for row in expected if row[3]]
    standing = connection.execute(
        "SELECT (late_amount * 100)::int, late_months, late_since, (paid * 100)::int FROM analytics.lease_standing"
    ).fetchone()
    assert standing == (
        sum(due - part for _, due, part, _ in late), len(late), late[0][0] if late else None, sum(paid)
    )  # fmt: skip
