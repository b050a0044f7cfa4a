"""Every question of docs/questions is answered from what the projector wrote, and stands in docs/analytics.md."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bench.portfolio import fill
from cli.questions import MARKER, section_without_answer
from directory.changes import DirectoryRecord, State
from directory.entities import Entity, Kind, Lease, Property
from payments.commands import Report
from payments.payment import Payment
from projections.batch import LogRecord, read_batch
from projections.migrate import ANALYST, migrate
from projections.named_sql import statement
from projections.questions import Question, example_values, questions
from projections.rollup_checks import inconsistencies
from projections.transaction import write
from schemas.codec import decode, encode
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS
from tests.integration.projected_log import order, steps

PASSWORD = "analyst"
TOPICS = (DIRECTORY_EVENTS.name, PAYMENT_EVENTS.name)
NOW = datetime.now(UTC)
TODAY = NOW.date()
QUESTIONS = questions()
LANDLORD, PROPERTY, LEASE, OTHER_LEASE = (str(uuid.UUID(int=number)) for number in range(1, 5))
MINUTE_US = 60_000_000


def entity(entity_id: str, kind: Kind, value: Entity) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=entity_id, tenant_id="demo", kind=kind, state=State.ACTIVE, version=1,
        created_by=str(uuid.UUID(int=9)), changed_by=str(uuid.UUID(int=9)), fingerprint=b"f" * 32,
        created_at_us=1, updated_at_us=1, entity=value,
    )  # fmt: skip


def rent(lease_days: int) -> Lease:
    return Lease(
        property_id=PROPERTY, renter_id=LANDLORD, rent_amount_minor=100_000,
        due_day=min((TODAY - timedelta(days=lease_days)).day, 28), start_date=TODAY - timedelta(days=lease_days),
        end_date=None,
    )  # fmt: skip


def values_of_the_log() -> Iterator[Payment | DirectoryRecord]:
    """One property with two leases of three due dates; paid once, and not at all; and every end that a payment has."""
    yield entity(PROPERTY, Kind.PROPERTY, Property(owner_id=LANDLORD, address="1 High Street"))
    yield entity(LEASE, Kind.LEASE, rent(75))
    yield entity(OTHER_LEASE, Kind.LEASE, rent(75))
    claimed, settled, returned, refused = Report.CLAIMED, Report.SETTLED, Report.RETURNED, Report.REJECTED
    for number, said in enumerate(
        [(claimed, settled), (claimed, settled, returned), (claimed, refused), (refused,), (claimed,), ()]
    ):
        at_us = int((NOW - timedelta(days=10, hours=number)).timestamp() * 1e6)
        first = order("demo", number, lease_id=LEASE, amount_minor=100_000, payment_rail_type="wire",
                      requested_at_us=at_us)  # fmt: skip
        yield from steps(first, *said, after_us=(1, MINUTE_US, 2 * MINUTE_US), code="R01")


@pytest.fixture(scope="module")
def analyst(database: str) -> Iterator[psycopg.Connection]:
    migrate(database, analyst_password=PASSWORD)
    records = []
    for offset, value in enumerate(values_of_the_log()):
        topic = DIRECTORY_EVENTS.name if isinstance(value, DirectoryRecord) else PAYMENT_EVENTS.name
        key = value.entity_id if isinstance(value, DirectoryRecord) else value.payment_id
        records.append(
            LogRecord(
                topic=topic,
                partition=0,
                offset=offset,
                key=key.encode(),
                value=encode(value),
                sequence=None,
                at_us=None,
            )
        )
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(
            statement("open_positions"),
            {
                "topics": list(TOPICS),
                "partitions": [0, 0],
                "topic_ids": ["t", "t"],
                "begins": [0, 0],
                "log_ends": [0, 0],
            },
        )
        batch = read_batch(records, {(topic, 0): 0 for topic in TOPICS}, {}, decode)
        write(owner, batch, dict.fromkeys(TOPICS, "t"))
    with psycopg.connect(make_conninfo(database, user=ANALYST, password=PASSWORD), autocommit=True) as connection:
        yield connection


def ask(analyst: psycopg.Connection, number: int) -> list[tuple[Any, ...]]:
    values: Mapping[str, Any] = {"tenant": "demo", "landlord": LANDLORD, "lease": LEASE}
    return analyst.execute(QUESTIONS[number - 1].statement, values).fetchall()


def test_there_are_twelve_and_each_says_who_asks_and_what_is_read() -> None:
    assert [question.name[:2] for question in QUESTIONS] == [f"{number:02}" for number in range(1, 13)]
    assert all(question.title.endswith("?") and question.asked_by and question.read_from for question in QUESTIONS)


def test_late_rent(analyst: psycopg.Connection) -> None:
    ((address, leases, amount, since),) = ask(analyst, 1)
    dues = [due for due, *_ in ask(analyst, 3)]
    late = [due for due, _, _, is_late in ask(analyst, 3) if is_late]
    assert (address, leases) == ("1 High Street", 2)
    assert amount == 1000 * (2 * len(late) + 1)  # The first due date of one of the two leases is paid.
    assert since == dues[0]
    assert sum(row[1] for row in ask(analyst, 2)) == 2
    assert sum(row[2] for row in ask(analyst, 2)) == amount


def test_a_landlord_collected_what_completed_and_stayed(analyst: psycopg.Connection) -> None:
    assert [row[1:] for row in ask(analyst, 4)] == [("1 High Street", Decimal(1000))]
    assert [row[1:] for row in ask(analyst, 5)] == [("wire", 1, Decimal(1000))]


def test_the_books_balance_with_what_is_in_flight(analyst: psycopg.Connection) -> None:
    books = {row[0]: row[3] for row in ask(analyst, 6)}
    assert books == {"bank_accounts": -1000, "clearing:wire": 1000, "all, which must be 0": 0}
    flying = {row[1]: row[2:4] for row in ask(analyst, 7)}
    assert flying == {"processing": (1, Decimal(1000)), "pending": (1, Decimal(1000))}
    assert [row[1:3] for row in ask(analyst, 12)] == [("wire", "pending"), ("wire", "processing")]


def test_returns_and_failures(analyst: psycopg.Connection) -> None:
    assert sum(row[2] for row in ask(analyst, 8)) == 2
    assert sum(row[3] for row in ask(analyst, 8)) == 1
    assert sum(row[2] for row in ask(analyst, 9)) == 4
    assert ask(analyst, 11) == [("wire", "R01", 3, 0)]
    assert all(59 < row[3] < 61 for row in ask(analyst, 10))


def test_the_document_has_every_question_as_it_is_asked() -> None:
    document = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text()
    assert MARKER in document
    for question in QUESTIONS:
        assert section_without_answer(question) in document, question.name


@pytest.fixture(scope="module")
def portfolio(postgres_uri: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_uri, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}".encode())
    yield make_conninfo(postgres_uri, dbname=name)
    with psycopg.connect(postgres_uri, autocommit=True) as owner:
        owner.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_benchs_portfolio_is_one_that_the_projector_could_have_left(portfolio: str) -> None:
    fill(portfolio, payments=3000, leases=240, analyst_password=PASSWORD, say=lambda _: None)
    with psycopg.connect(portfolio, autocommit=True) as connection:
        assert inconsistencies(connection) == {}
        unlike = connection.execute(
            """SELECT payment_id FROM projection.payments AS payment
               LEFT JOIN projection.payment_events AS event USING (payment_id)
               GROUP BY payment_id, payment.sequence, payment.status
               HAVING max(event.sequence) <> payment.sequence OR count(*) <> payment.sequence
                   OR (array_agg(event.new_status ORDER BY event.sequence DESC))[1] <> payment.status"""
        ).fetchall()
        assert unlike == []
        values = example_values(connection)
        answers = {question.name: rows_of(connection, question, values) for question in QUESTIONS}
    assert {name for name, rows in answers.items() if not rows} <= {"12-overdue-payments"}


def rows_of(connection: psycopg.Connection, question: Question, values: Mapping[str, Any]) -> int:
    return len(connection.execute(question.statement, values).fetchall())
