"""Batches written to a real database: any split, repetition and order of the log gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.money import format_amount
from payments.payment import Payment, event_metadata
from payments.rejection import Rejection
from projections.batch import LogRecord, Place, read_batch
from projections.migrate import MigrationRefused, migrate
from projections.named_sql import statement
from projections.transaction import Overtaken, write
from schemas.codec import decode, encode
from schemas.topics import PAYMENT_EVENTS
from tests.integration.projected_log import life, order
from tests.unit.payments.histories import T0_US

PARTITIONS = 2
TOPIC_IDS = {PAYMENT_EVENTS.name: "topic-1"}
LIVES = [life(order("rows", number), number) for number in range(12)]
ROLLUPS = ("daily_payments", "daily_failures", "daily_ledger", "settle_times", "open_payments", "leases")
TABLES = ("payments", "payment_events", "ledger_entries", "account_balances", *ROLLUPS)


@pytest.fixture(scope="module")
def connection(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password="analyst")
    with psycopg.connect(database, autocommit=True, prepare_threshold=0) as opened:
        yield opened


def begin_empty(connection: psycopg.Connection) -> None:
    """Empty the tables and put every position at 0."""
    connection.execute(f"TRUNCATE projection.offsets, {', '.join(f'projection.{table}' for table in TABLES)}".encode())
    connection.execute(
        statement("open_positions"),
        {
            "topics": [PAYMENT_EVENTS.name] * PARTITIONS,
            "partitions": list(range(PARTITIONS)),
            "topic_ids": ["topic-1"] * PARTITIONS,
            "begins": [0] * PARTITIONS,
            "log_ends": [0] * PARTITIONS,
        },
    )


def rows(connection: psycopg.Connection) -> dict[str, list[Any]]:
    return {
        table: sorted(row[0] for row in connection.execute(f"SELECT t::text FROM projection.{table} t".encode()))
        for table in TABLES
    }


def log_of(steps: list[tuple[int, int]]) -> list[LogRecord]:
    """Return the records of (payment, step) in this order, each payment on its partition."""
    ends: dict[int, int] = {}
    records = []
    for number, step in steps:
        payment: Payment = LIVES[number][min(step, len(LIVES[number]) - 1)]
        partition = number % PARTITIONS
        offset = ends.get(partition, 0)
        ends[partition] = offset + 1
        records.append(
            LogRecord(
                topic=PAYMENT_EVENTS.name,
                partition=partition,
                offset=offset,
                key=payment.payment_id.encode(),
                value=encode(payment),
                sequence=payment.last.sequence if offset % 3 else None,
                at_us=T0_US + offset,
            )
        )
    return records


def project(connection: psycopg.Connection, records: list[LogRecord], cuts: list[int]) -> None:
    positions: dict[Place, int] = {(PAYMENT_EVENTS.name, partition): 0 for partition in range(PARTITIONS)}
    edges = [0, *cuts, len(records)]
    for begin, end in pairwise(edges):
        batch = read_batch(records[begin:end], positions, {}, decode)
        if batch.moves:
            write(connection, batch, TOPIC_IDS)
            positions |= {(move.topic, move.partition): move.new for move in batch.moves}


IN_ORDER = [(number, step) for number in range(len(LIVES)) for step in range(len(LIVES[number]))]


# What a writer that crashed may leave: steps again, older ones after newer ones.
repeats = st.lists(st.tuples(st.integers(0, len(LIVES) - 1), st.integers(0, 3)), max_size=30)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    interleaved=st.permutations(range(len(LIVES))),
    before=repeats,
    after=repeats,
    cuts=st.sets(st.integers(1, 100), max_size=12),
)
def test_any_split_repetition_and_order_gives_the_same_rows(
    connection: psycopg.Connection,
    interleaved: list[int],
    before: list[tuple[int, int]],
    after: list[tuple[int, int]],
    cuts: set[int],
) -> None:
    begin_empty(connection)
    project(connection, log_of(IN_ORDER), [])
    plain = rows(connection)
    assert len(plain["payment_events"]) == len(IN_ORDER)
    begin_empty(connection)
    by_step = sorted(IN_ORDER, key=lambda place: (place[1], interleaved[place[0]]))
    records = log_of([*before, *by_step, *after])
    project(connection, records, sorted(cut for cut in cuts if cut < len(records)))
    assert rows(connection) == plain


def test_a_batch_that_begins_where_nobody_is_writes_nothing(connection: psycopg.Connection) -> None:
    begin_empty(connection)
    records = log_of(IN_ORDER)
    batch = read_batch(records, {(PAYMENT_EVENTS.name, partition): 0 for partition in range(PARTITIONS)}, {}, decode)
    write(connection, batch, TOPIC_IDS)
    before = rows(connection)
    with pytest.raises(Overtaken):
        write(connection, batch, TOPIC_IDS)
    with pytest.raises(Overtaken):
        write(connection, read_batch(records[:1], {(PAYMENT_EVENTS.name, 0): 0}, {}, decode), TOPIC_IDS)
    assert rows(connection) == before


def test_a_batch_that_fails_at_its_last_row_leaves_neither_rows_nor_positions(connection: psycopg.Connection) -> None:
    def positions() -> list[Any]:
        return connection.execute("SELECT partition, next FROM projection.offsets ORDER BY partition").fetchall()

    begin_empty(connection)
    start: dict[Place, int] = {(PAYMENT_EVENTS.name, partition): 0 for partition in range(PARTITIONS)}
    batch = read_batch(log_of(IN_ORDER), start, {}, decode)
    # No column of Postgres holds such an offset, and refusals are written last.
    unwritable = Rejection(
        topic="payment-commands", partition=0, offset=2**63, key=None, reason="undecodable", detail="",
        rejected_at_us=T0_US, raw=b"", raw_bytes=0, raw_sha256=b"h" * 32,
    )  # fmt: skip
    empty = rows(connection)
    with pytest.raises(psycopg.DataError):
        write(connection, replace(batch, rejections=(unwritable,)), TOPIC_IDS)
    assert positions() == [(0, 0), (1, 0)]
    assert rows(connection) == empty
    write(connection, batch, TOPIC_IDS)
    assert len(rows(connection)["payment_events"]) == len(IN_ORDER)


def test_a_batch_of_another_topic_of_the_same_name_writes_nothing(connection: psycopg.Connection) -> None:
    begin_empty(connection)
    batch = read_batch(log_of(IN_ORDER[:1]), {(PAYMENT_EVENTS.name, 0): 0}, {}, decode)
    with pytest.raises(Overtaken):
        write(connection, batch, {PAYMENT_EVENTS.name: "topic-2"})
    assert rows(connection)["payments"] == []


def test_the_views_show_dollars_utc_and_the_terms_as_they_were(connection: psycopg.Connection) -> None:
    begin_empty(connection)
    project(connection, log_of(IN_ORDER), [])
    payment = LIVES[1][-1]
    shown = connection.execute(
        """SELECT amount::text, refunded_amount::text, status, failure_code, initiated_at AT TIME ZONE 'UTC', tenant_id
           FROM analytics.payments WHERE payment_id = %s""",
        (payment.payment_id,),
    ).fetchone()
    assert shown is not None
    assert shown[:4] == (format_amount(payment.head.amount_minor), "0.00", "returned", "R01")
    assert shown[4].isoformat() == "2025-02-20T14:32:00.001000"
    assert shown[5] == "rows"
    events = connection.execute(
        "SELECT metadata, hash FROM analytics.payment_events WHERE payment_id = %s ORDER BY sequence",
        (payment.payment_id,),
    ).fetchall()
    assert events == [(event_metadata(payment.head, step), step.hash) for step in payment.transitions]
    total = connection.execute(
        "SELECT sum(balance), sum(debits) = sum(credits), count(*) > 3 FROM analytics.account_balances"
    ).fetchone()
    assert total == (0, True, True)


def test_every_view_and_column_says_what_it_is_and_has_a_tenant(connection: psycopg.Connection) -> None:
    silent = connection.execute(
        """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           WHERE c.relnamespace = 'analytics'::regnamespace AND col_description(c.oid, a.attnum) IS NULL
           UNION ALL
           SELECT c.relname, NULL FROM pg_class c
           WHERE c.relnamespace = 'analytics'::regnamespace AND obj_description(c.oid) IS NULL"""
    ).fetchall()
    assert silent == []
    views = connection.execute(
        """SELECT table_name, bool_or(column_name = 'tenant_id') FROM information_schema.columns
           WHERE table_schema = 'analytics' GROUP BY table_name"""
    ).fetchall()
    names = """payments payment_events ledger_entries account_balances users bank_accounts properties leases freshness
        daily_volume daily_failures daily_ledger settle_times rail_performance payments_in_flight lease_standing
        lease_ledger webhook_deliveries"""
    assert {name for name, _ in views} == set(names.split())
    assert all(has_tenant for _, has_tenant in views)


def test_migrating_again_changes_nothing_and_another_history_is_refused(
    database: str, connection: psycopg.Connection
) -> None:
    before = connection.execute("SELECT * FROM projection.migrations ORDER BY version").fetchall()
    migrate(database, analyst_password="analyst")
    assert connection.execute("SELECT * FROM projection.migrations ORDER BY version").fetchall() == before
    connection.execute("UPDATE projection.migrations SET sha256 = 'x' || sha256 WHERE version = 1")
    try:
        with pytest.raises(MigrationRefused, match="another text"):
            migrate(database, analyst_password="analyst")
    finally:
        connection.execute("UPDATE projection.migrations SET sha256 = substr(sha256, 2) WHERE version = 1")
    connection.execute("INSERT INTO projection.migrations VALUES (9999, 'tomorrow', 'x')")
    try:
        with pytest.raises(MigrationRefused, match="9999, which this release does not know"):
            migrate(database, analyst_password="analyst")
    finally:
        connection.execute("DELETE FROM projection.migrations WHERE version = 9999")
