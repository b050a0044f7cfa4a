"""What is wrong with a peer's payments is counted by kind, from its tables; and its sink's repeats change nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.peers import on_kafka, orders
from bench.peers.faust_topology.sink import write
from bench.peers.judged import Judged, statement

RIGHT = {"lost": 0, "doubled_events": 0, "missing_events": 0, "out_of_order": 0, "wrong_amounts": 0}
LIFE = (("", "pending"), ("pending", "processing"), ("processing", "completed"))


@pytest.fixture(scope="module")
def tables(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement(Path(on_kafka.__file__).parent / "tables.sql"))
        yield connection


@pytest.fixture
def sink(tables: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    tables.execute("TRUNCATE transactions, transaction_events")
    return tables


@pytest.fixture
def judged(database: str) -> Iterator[Judged]:
    judged = Judged(database)
    yield judged
    judged.close()


def events(number: int) -> list[dict[str, Any]]:
    """The events of a payment as the peers on Kafka write them."""
    order = json.loads(orders.single(number).body)
    payment = {"payment_id": str(uuid.uuid5(uuid.NAMESPACE_URL, order["idempotency_key"])), **order}
    return [
        {
            "event_id": str(uuid.uuid4()),
            "event_type": f"payment_{after}",
            "previous_status": before,
            "new_status": after,
            "timestamp": f"2026-11-27T12:00:0{second}+00:00",
            "payment": payment,
        }
        for second, (before, after) in enumerate(LIFE)
    ]


def test_payments_that_went_all_the_way_have_no_faults(sink: psycopg.Connection[Any], judged: Judged) -> None:
    for number in (0, 1, 1999):
        for event in events(number):
            write(sink, event)
    assert judged.finished() == 3
    assert judged.faults(3) == RIGHT


def test_an_event_that_comes_again_changes_nothing(sink: psycopg.Connection[Any], judged: Judged) -> None:
    for event in [*events(0)] * 2:
        write(sink, event)
    assert judged.faults(1) == RIGHT


def test_an_event_that_was_made_twice_is_doubled(sink: psycopg.Connection[Any], judged: Judged) -> None:
    for event in [*events(0), events(0)[-1]]:
        write(sink, event)
    assert judged.faults(1) == {**RIGHT, "doubled_events": 1}


def test_an_accepted_payment_that_is_not_completed_is_lost(sink: psycopg.Connection[Any], judged: Judged) -> None:
    for event in [*events(0), *events(1)[:2]]:
        write(sink, event)
    assert judged.finished() == 1
    # The third was never heard of.
    assert judged.faults(3) == {**RIGHT, "lost": 2}


def test_a_gap_in_a_history_is_missing(sink: psycopg.Connection[Any], judged: Judged) -> None:
    first, _, last = events(0)
    for event in (first, last):
        write(sink, event)
    assert judged.faults(1) == {**RIGHT, "missing_events": 1}


def test_a_history_whose_times_decrease_is_out_of_order(sink: psycopg.Connection[Any], judged: Judged) -> None:
    first, second, last = events(0)
    for event in (first, {**second, "timestamp": "2026-11-27T13:00:00+00:00"}, last):
        write(sink, event)
    assert judged.faults(1) == {**RIGHT, "out_of_order": 1}


def test_another_amount_than_was_sent_is_wrong(sink: psycopg.Connection[Any], judged: Judged) -> None:
    for event in events(7):
        write(sink, {**event, "payment": {**event["payment"], "amount": "1500.00"}})
    assert judged.faults(1) == {**RIGHT, "wrong_amounts": 1}


def test_the_probe_is_not_counted(sink: psycopg.Connection[Any], judged: Judged) -> None:
    probe = json.loads(orders.probe().body)
    for event in events(0):
        write(sink, {**event, "payment": {**event["payment"], "idempotency_key": probe["idempotency_key"]}})
    assert judged.finished() == 0
    assert judged.finished(orders.PROBE_KEY) == 1
    assert judged.faults(0) == RIGHT
