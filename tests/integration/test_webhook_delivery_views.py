"""Attempts to deliver webhooks in Postgres: projected once, read in pages by one tenant, kept for 30 days."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from msgspec import structs

from directory.changes import DirectoryRecord, State
from directory.entities import Kind
from directory.webhook_endpoint import NoticeType, WebhookEndpoint
from projections.batch import Batch, Move
from projections.cursors import write_cursor
from projections.delivery_rows import DeliveryRow
from projections.migrate import migrate
from projections.named_sql import statement
from projections.queries import MalformedCursor, Queries
from projections.transaction import session_uri, write
from schemas.deliveries import Outcome, WebhookDelivery
from schemas.topics import WEBHOOK_DELIVERIES
from tests.integration.asked import ask
from tests.integration.own_postgres import OwnPostgres
from tests.unit.projections.deliveries import DELIVERED, RETRYING

DAY_US = 24 * 60 * 60 * 1_000_000
NOW_US = time.time_ns() // 1000
ENDPOINT, OTHER = DELIVERED.endpoint_id, str(uuid.UUID(int=9))
# Two attempts each, most of them at one moment, and one of two years ago.
RECENT = [
    structs.replace(
        RETRYING if attempt == 1 else DELIVERED,
        payment_id=str(uuid.UUID(int=number)),
        attempt=attempt,
        tries=attempt,
        attempted_at_us=NOW_US - DAY_US + (number // 5) * attempt,
        next_attempt_at_us=NOW_US if attempt == 1 else None,
    )
    for number in range(12)
    for attempt in (1, 2)
]
OLD = structs.replace(DELIVERED, payment_id=str(uuid.UUID(int=77)))
THEIRS = structs.replace(DELIVERED, endpoint_id=OTHER, tenant_id="other", attempted_at_us=NOW_US, error="b\0d")
NOTICE = structs.replace(
    DELIVERED,
    endpoint_id=str(uuid.UUID(int=10)),
    payment_id=OTHER,
    sequence=2,
    event_type=NoticeType.ENDPOINT_DISABLED.value,
    attempted_at_us=NOW_US,
)


def endpoint(number: int, state: State) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=str(uuid.UUID(int=number)),
        tenant_id="demo",
        kind=Kind.WEBHOOK_ENDPOINT,
        state=state,
        version=1,
        created_by=ENDPOINT,
        changed_by=ENDPOINT,
        fingerprint=b"f",
        created_at_us=NOW_US + number,
        updated_at_us=NOW_US + number,
        entity=WebhookEndpoint(url=f"https://example.com/{number}"),
    )


class Projected:
    """A database of its own, and what was written to it so far."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._position = 0
        self._topic = WEBHOOK_DELIVERIES.name
        with psycopg.connect(uri, autocommit=True) as connection:
            places = {"topics": [self._topic], "partitions": [0], "topic_ids": ["t"], "begins": [0], "log_ends": [0]}
            connection.execute(statement("open_positions"), places)

    def write(self, *deliveries: WebhookDelivery, entities: tuple[DirectoryRecord, ...] = ()) -> None:
        """Write them as one batch, as a projector does."""
        move = Move(
            topic=self._topic,
            partition=0,
            old=self._position,
            new=self._position + 1,
            log_end=self._position + 1,
            record_at_us=None,
        )
        with psycopg.connect(session_uri(self.uri, "test"), autocommit=True) as connection:
            write(connection, Batch(moves=(move,), deliveries=deliveries, entities=entities), {self._topic: "t"})
        self._position += 1

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.uri) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def views() -> Iterator[Projected]:
    postgres = OwnPostgres()
    postgres.start()
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    projected = Projected(uri)
    projected.write(*RECENT[:9], THEIRS, NOTICE)
    projected.write(*RECENT, OLD, entities=(endpoint(1, State.ACTIVE), endpoint(2, State.REVOKED)))
    yield projected
    postgres.close()


def shown(delivery: WebhookDelivery) -> DeliveryRow:
    return DeliveryRow(**{name: getattr(delivery, name) for name in DeliveryRow.__slots__})


def newest_first(deliveries: list[WebhookDelivery]) -> list[DeliveryRow]:
    ordered = sorted(deliveries, key=lambda it: (it.attempted_at_us, it.payment_id, it.attempt), reverse=True)
    return [shown(delivery) for delivery in ordered]


async def pages(queries: Queries, limit: int, outcome: Outcome | None = None) -> list[DeliveryRow]:
    found: list[DeliveryRow] = []
    cursor: str | None = None
    while True:
        page = await queries.webhook_deliveries("demo", ENDPOINT, outcome, limit, cursor)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 25, 1000])
def test_pages_hold_every_attempt_once_newest_first(views: Projected, limit: int) -> None:
    assert ask(views.uri, lambda queries: pages(queries, limit)) == newest_first([*RECENT, OLD])


@pytest.mark.parametrize("outcome", Outcome)
def test_a_page_may_be_of_one_outcome(views: Projected, outcome: Outcome) -> None:
    wanted = newest_first([it for it in (*RECENT, OLD) if it.outcome is outcome])
    assert ask(views.uri, lambda queries: pages(queries, 4, outcome)) == wanted


def test_nobody_reads_anothers_attempts_and_nonsense_finds_nothing(views: Projected) -> None:
    async def questions(queries: Queries) -> None:
        [theirs] = (await queries.webhook_deliveries("other", OTHER, None, 10)).items
        assert theirs.error == "b\ufffdd"
        for tenant_id, endpoint_id in (("demo", OTHER), ("other", ENDPOINT), ("demo", "x"), ("demo", "")):
            assert not (await queries.webhook_deliveries(tenant_id, endpoint_id, None, 10)).items
        for place in ("x", f"{ENDPOINT}:1", f"{ENDPOINT}:1:9999999999"):
            with pytest.raises(MalformedCursor):
                await queries.webhook_deliveries("demo", ENDPOINT, None, 10, write_cursor(NOW_US, place))

    ask(views.uri, questions)


def test_analysts_read_attempts_with_their_message_ids(views: Projected) -> None:
    [first] = views.rows(
        "SELECT tenant_id, message_id, outcome, status_code, next_attempt_at IS NULL, replay_id::text"
        f" FROM analytics.webhook_deliveries WHERE payment_id = '{RECENT[0].payment_id}' AND attempt = 1"
    )
    assert first == ("demo", RECENT[0].message_id, "retrying", None, False, RETRYING.replay_id)
    notice = f"SELECT payment_id, message_id FROM analytics.webhook_deliveries WHERE event_type = '{NOTICE.event_type}'"
    assert views.rows(notice) == [(None, f"{OTHER}:2")]


def test_an_attempt_that_is_projected_again_stays_as_it_was(views: Projected) -> None:
    before = ask(views.uri, lambda queries: pages(queries, 100))
    views.write(*(structs.replace(it, status_code=599) for it in RECENT))
    assert ask(views.uri, lambda queries: pages(queries, 100)) == before


def test_endpoints_that_were_deleted_are_listed_only_to_who_asks_for_all(views: Projected) -> None:
    async def ids(queries: Queries, state: State | None) -> list[str]:
        page = await queries.entities("demo", Kind.WEBHOOK_ENDPOINT, 10, state=state)
        return [row.entity_id for row in page.items]

    active, revoked = (str(uuid.UUID(int=number)) for number in (1, 2))
    assert ask(views.uri, lambda queries: ids(queries, State.ACTIVE)) == [active]
    assert ask(views.uri, lambda queries: ids(queries, None)) == [revoked, active]


# The last one: it deletes.
def test_attempts_go_when_the_log_does_not_keep_them_any_more_some_at_a_time(views: Projected) -> None:
    views.write(*(structs.replace(OLD, attempt=number, tries=1) for number in range(2, 6)))
    expire = statement("expire_deliveries")
    kept = {"kept_ms": WEBHOOK_DELIVERIES.retention_ms, "rows_max": 3}
    with psycopg.connect(session_uri(views.uri, "test"), autocommit=True) as connection:
        assert [connection.execute(expire, kept).rowcount for _ in range(3)] == [3, 2, 0]
    assert ask(views.uri, lambda queries: pages(queries, 100)) == newest_first(RECENT)
