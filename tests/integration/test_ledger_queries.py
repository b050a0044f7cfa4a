"""A lease's ledger and the balances, as the API asks for them: every row once, of one tenant, a page at a time."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.commands import InitiatePayment, Report
from payments.ledger import Direction, bank_account, clearing, postings
from projections.cursors import write_cursor, write_names_cursor
from projections.migrate import migrate
from projections.named_sql import statement
from projections.queries import BalanceRow, MalformedCursor, Page, Queries
from projections.transaction import prepare
from tests.integration.asked import ask
from tests.integration.projected_log import T0_US, life, order, steps
from tests.integration.split_log import PARTITIONS, Log, empty, lease, ledger_of, project, rent

Item = TypeVar("Item")

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)
RENT_MINOR = 100_000


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password="analyst")
    with psycopg.connect(database, autocommit=True, prepare_threshold=0) as opened:
        prepare(opened)
        yield opened


@pytest.fixture(autouse=True)
def begin_empty(connection: psycopg.Connection) -> None:
    empty(connection)


def settled(log: Log, *paid: InitiatePayment) -> None:
    for first in paid:
        for step in steps(first, Report.CLAIMED, Report.SETTLED):
            log.add(step)


async def all_of(ask_page: Callable[[str | None], Awaitable[Page[Item]]], limit: int) -> list[Item]:
    """Return the items of every page, each page but the last of which is full."""
    found: list[Item] = []
    cursors: list[str | None] = [None]
    while True:
        page = await ask_page(cursors[-1])
        assert len(page.items) == limit or (page.next_cursor is None and len(page.items) < limit)
        found += page.items
        if page.next_cursor is None:
            return found
        assert page.next_cursor not in cursors, "a page is read again"
        cursors.append(page.next_cursor)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.dates(TODAY - 1500 * DAY, TODAY + 40 * DAY),
    length=st.none() | st.integers(0, 1400),
    due_day=st.integers(1, 31),
    paid=st.lists(st.sampled_from([RENT_MINOR, 50_000, 1]), max_size=6),
    limit=st.integers(1, 60),
)
def test_pages_of_a_ledger_hold_every_due_date_once_newest_first(
    connection: psycopg.Connection,
    database: str,
    start: date,
    length: int | None,
    due_day: int,
    paid: list[int],
    limit: int,
) -> None:
    terms = rent(start, due_day=due_day, end=None if length is None else start + length * DAY)
    record = lease(1, terms)
    log = Log()
    log.add(record)
    settled(log, *(order("rows", n, lease_id=record.entity_id, amount_minor=amount) for n, amount in enumerate(paid)))
    empty(connection)
    project(connection, log, [])
    rows = ask(
        database, lambda it: all_of(lambda cursor: it.lease_ledger("rows", record.entity_id, limit, cursor), limit)
    )
    shown = [(row.due_date, row.due_minor, row.paid_minor, row.late) for row in rows]
    assert shown == ledger_of(terms, paid_minor=sum(paid), today=TODAY)[::-1]


def test_a_ledger_is_shown_to_its_tenant_only_and_nobody_else_pays_on_it(
    connection: psycopg.Connection, database: str
) -> None:
    record = lease(1, rent(date(2025, 1, 1)))
    log = Log()
    log.add(record)
    settled(log, order("other", 1, lease_id=record.entity_id), order("rows", 1, lease_id=str(uuid.UUID(int=5))))
    project(connection, log, [])

    async def questions(queries: Queries) -> None:
        own = await queries.lease_ledger("rows", record.entity_id, 100)
        assert len(own.items) > 12
        assert {row.paid_minor for row in own.items} == {0}
        for tenant_id, lease_id in [
            ("other", record.entity_id), ("rows", str(uuid.UUID(int=5))), ("rows", "x"), ("rows", "a\0b"), ("", ""),
        ]:  # fmt: skip
            assert await queries.lease_ledger(tenant_id, lease_id, 100) == Page(items=(), next_cursor=None)

    ask(database, questions)


def many_payments() -> list[InitiatePayment]:
    """Return payments of many renters to some landlords; each renter's first keys lie on any partition."""
    return [
        order("rows", n, payer_account_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"renter-{n % 23}"))) for n in range(60)
    ]


def test_pages_of_balances_hold_every_account_once_and_sum_to_zero(
    connection: psycopg.Connection, database: str
) -> None:
    log = Log()
    expected: Counter[tuple[str, Direction]] = Counter()
    for number, first in enumerate(many_payments()):
        history = life(first, number)
        for step in history:
            log.add(step)
        for transition in history[-1].transitions:
            for line in postings(history[-1].head, transition):
                expected[line.account, line.direction] += line.amount_minor
    settled(log, order("other", 1), order("other", 2))
    project(connection, log, [70])
    accounts = {account for account, _ in expected}
    in_order = connection.execute(
        "SELECT account FROM analytics.account_balances WHERE tenant_id = 'rows' ORDER BY account"
    ).fetchall()
    for limit in (1, 2, 7, len(accounts) - 1, len(accounts), 500):
        rows = ask(database, lambda it: all_of(lambda cursor: it.balances("rows", None, limit, cursor), limit))  # noqa: B023
        assert [(row.account,) for row in rows] == in_order
        assert {row.account for row in rows} == accounts
        for row in rows:
            assert row.currency == "USD"
            assert row.debits_minor == expected[row.account, Direction.DEBIT]
            assert row.credits_minor == expected[row.account, Direction.CREDIT]
        assert sum(row.balance_minor for row in rows) == 0


def test_one_account_is_found_by_its_name_in_its_tenant_only(connection: psycopg.Connection, database: str) -> None:
    theirs = order("other", 1, amount_minor=700, payment_rail_type="wire")
    log = Log()
    for step in steps(order("rows", 1, amount_minor=500, payment_rail_type="wire"), Report.CLAIMED):
        log.add(step)
    settled(log, theirs)
    project(connection, log, [])

    async def questions(queries: Queries) -> None:
        in_flight = BalanceRow(account=clearing("wire"), currency="USD", debits_minor=0, credits_minor=500)
        assert (await queries.balances("rows", clearing("wire"), 10)).items == (in_flight,)
        assert in_flight.balance_minor == 500, "money came in and has not left yet"
        payer = bank_account(theirs.payer_account_id)
        assert [row.balance_minor for row in (await queries.balances("other", payer, 10)).items] == [-700]
        assert sorted(row.balance_minor for row in (await queries.balances("other", None, 10)).items) == [-700, 0, 700]
        for account in (bank_account(str(uuid.UUID(int=5))), clearing("instant"), "suspense", "x", "a\0b", ""):
            assert await queries.balances("rows", account, 10) == Page(items=(), next_cursor=None)

    ask(database, questions)


LEASE_ID = lease(1, rent(date(2025, 1, 1))).entity_id
OF_PAYMENTS = write_cursor(T0_US, LEASE_ID)
OF_THE_LEDGER = write_names_cursor("2025-03-01", LEASE_ID)
OF_BALANCES = write_names_cursor("suspense", "USD")


@pytest.mark.parametrize(
    "cursor",
    ["", "garbage", OF_PAYMENTS, OF_BALANCES, write_names_cursor("2025-03-01", str(uuid.UUID(int=5))),
     write_names_cursor("2025-02-30", LEASE_ID), write_names_cursor("20250301", LEASE_ID)],
)  # fmt: skip
def test_a_cursor_of_another_list_is_none_of_a_ledger(
    connection: psycopg.Connection, database: str, cursor: str
) -> None:
    with pytest.raises(MalformedCursor):
        ask(database, lambda queries: queries.lease_ledger("rows", LEASE_ID, 10, cursor))


@pytest.mark.parametrize("cursor", ["", "garbage", OF_PAYMENTS, OF_THE_LEDGER, write_names_cursor("a", "USD")])
def test_a_cursor_of_another_list_is_none_of_balances(
    connection: psycopg.Connection, database: str, cursor: str
) -> None:
    with pytest.raises(MalformedCursor):
        ask(database, lambda queries: queries.balances("rows", None, 10, cursor))


def test_a_page_of_balances_reads_the_rows_that_it_shows_and_no_others(connection: psycopg.Connection) -> None:
    connection.execute(
        """INSERT INTO projection.account_balances
               (partition, tenant_id, account, currency, debits_minor, credits_minor)
           SELECT partition, 'rows', 'bank_account:' || md5(number::text)::uuid, 'USD', number, 0
           FROM generate_series(1, 10000) AS number, generate_series(0, 1) AS partition"""
    )
    connection.execute("ANALYZE projection.account_balances")
    for cursor in ({}, {"cursor_account": bank_account(str(uuid.UUID(int=1 << 127))), "cursor_currency": "USD"}):
        asked = statement("list_balances", frozenset(cursor))
        (plan,) = _fetched(
            connection, f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}", {"tenant_id": "rows", "limit": 51, **cursor}
        )
        scans = [node for node in _nodes(plan[0]["Plan"]) if "Scan" in node["Node Type"]]
        assert [scan.get("Index Name") for scan in scans] == ["account_balances_pkey"], json.dumps(plan)
        # One row more tells that the last account is complete.
        assert scans[0]["Actual Rows"] <= 51 * PARTITIONS + 1


def _fetched(connection: psycopg.Connection, query: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters, prepare=False).fetchone()
    assert row is not None
    return tuple(row)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
