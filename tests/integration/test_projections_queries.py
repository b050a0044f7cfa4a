"""What the API asks the views: right answers, in pages, of one tenant, in time whatever Postgres does."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from directory.changes import DirectoryRecord, State
from directory.entities import Entity, Kind, Lease, Property
from payments.commands import CancelPayment
from payments.decision import Moved
from payments.lifecycle import decide
from payments.payment import EventType, Payment, Status
from payments.refusals import FieldError
from payments.rejection import Rejection
from projections.batch import LogRecord, read_batch
from projections.cursors import write_cursor
from projections.migrate import migrate
from projections.named_sql import statement
from projections.queries import MalformedCursor, PaymentFilters, PaymentHistory, Queries, ViewsUnavailable, Wait
from projections.transaction import write
from schemas.codec import decode, encode
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS
from tests.integration.asked import ask
from tests.integration.own_postgres import OwnPostgres
from tests.integration.projected_log import T0_US, life, order

LIVES = {number: life(order("demo", number), number) for number in range(25)}
STRANGER = life(order("other", 0), 0)
SAME_MOMENT = [life(order("crowd", number, requested_at_us=T0_US), 2) for number in range(9)]


def rejection(number: int, **more: Any) -> Rejection:
    asked = order("demo", number)
    return Rejection(
        **{
            "topic": "payment-commands", "partition": 0, "offset": number, "key": asked.key,
            "reason": "invalid-command", "detail": "amount: must be more than 0",
            "errors": (FieldError(field="amount", message="must be more than 0"),),
            "tenant_id": "demo", "payment_id": asked.payment_id, "command_id": asked.command_id,
            "rejected_at_us": T0_US + number, "raw": b"", "raw_bytes": 0, "raw_sha256": b"h" * 32, **more,
        }
    )  # fmt: skip


def entity(tenant_id: str, number: int, value: Entity, kind: Kind) -> DirectoryRecord:
    return DirectoryRecord(
        entity_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tenant_id}-{kind}-{number}")),
        tenant_id=tenant_id, kind=kind, state=State.ACTIVE, version=1, created_by=str(uuid.UUID(int=number)),
        changed_by=str(uuid.UUID(int=number)), fingerprint=b"f" * 32, created_at_us=T0_US + number // 2,
        updated_at_us=T0_US + number // 2, entity=value,
    )  # fmt: skip


OWNER = str(uuid.UUID(int=7))
LEASE = Lease(
    property_id=OWNER, renter_id=OWNER, rent_amount_minor=5, due_day=31, start_date=date(2025, 1, 1), end_date=None
)
PROPERTIES = [entity("demo", n, Property(owner_id=OWNER, address=f"{n} Street"), Kind.PROPERTY) for n in range(7)]


def record(topic: str, offset: int, key: str, value: Payment | Rejection | DirectoryRecord) -> LogRecord:
    return LogRecord(
        topic=topic, partition=0, offset=offset, key=key.encode(), value=encode(value), sequence=None, at_us=None
    )


def project(uri: str, payments: list[Payment], rejections: list[Rejection], entities: list[DirectoryRecord]) -> None:
    records = [
        *(record(PAYMENT_EVENTS.name, offset, it.payment_id, it) for offset, it in enumerate(payments)),
        *(record(PAYMENT_REJECTIONS.name, offset, "key", it) for offset, it in enumerate(rejections)),
        *(record(DIRECTORY_EVENTS.name, offset, it.entity_id, it) for offset, it in enumerate(entities)),
    ]
    topics = [PAYMENT_EVENTS.name, PAYMENT_REJECTIONS.name, DIRECTORY_EVENTS.name]
    with psycopg.connect(uri, autocommit=True) as connection:
        opened = {
            "topics": topics,
            "partitions": [0] * 3,
            "topic_ids": ["t"] * 3,
            "begins": [0] * 3,
            "log_ends": [0] * 3,
        }
        connection.execute(statement("open_positions"), opened)
        batch = read_batch(records, {(topic, 0): 0 for topic in topics}, {}, decode)
        write(connection, batch, dict.fromkeys(topics, "t"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


CANCEL = CancelPayment(tenant_id="demo", idempotency_key="rent-100", cancel_key="c1", requested_at_us=T0_US + 9_000_000)


@pytest.fixture(scope="module")
def views(postgres: OwnPostgres) -> str:
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    cancelled = decide(CANCEL, life(order("demo", 100), 0)[0])
    assert isinstance(cancelled, Moved)
    project(
        uri,
        [*(steps[-1] for steps in LIVES.values()), STRANGER[-1], cancelled.payment, *(it[-1] for it in SAME_MOMENT)],
        [
            rejection(200),
            rejection(201, reason="payment-unknown"),
            rejection(1, command_id=str(uuid.UUID(int=99)), reason="idempotency-key-reused"),
            rejection(202, command_id=None),
        ],
        [*PROPERTIES, entity("demo", 1, LEASE, Kind.LEASE), entity("other", 1, PROPERTIES[0].entity, Kind.PROPERTY)],
    )
    return uri


def test_a_payment_comes_back_with_everything_that_was_asked_for(views: str) -> None:
    for number, steps in LIVES.items():
        payment = steps[-1]
        row = ask(views, lambda queries, it=payment: queries.payment("demo", it.payment_id))  # type: ignore[misc]
        assert row is not None, number
        assert row.head == payment.head
        assert row.head.hash == payment.head.hash
        assert (row.payment_id, row.status, row.failure) == (payment.payment_id, payment.status, payment.failure)
        assert (row.updated_at_us, row.completed_at_us) == (payment.updated_at_us, payment.completed_at_us)
        assert (row.created_by, row.refunded_minor) == (payment.created_by, 0)


def test_a_history_is_the_payments_transitions(views: str) -> None:
    payment = LIVES[1][-1]
    assert payment.last.event_type is EventType.RETURNED
    history = ask(views, lambda queries: queries.history("demo", payment.payment_id))
    assert history == PaymentHistory(head=payment.head, transitions=payment.transitions)


def test_nothing_of_another_tenant_is_found(views: str) -> None:
    async def questions(queries: Queries) -> list[object]:
        theirs = STRANGER[-1]
        return [
            await queries.payment("demo", theirs.payment_id),
            await queries.history("demo", theirs.payment_id),
            await queries.rejection("other", rejection(200).payment_id or ""),
            await queries.entity("other", Kind.PROPERTY, PROPERTIES[0].entity_id),
            await queries.entity("demo", Kind.LEASE, PROPERTIES[0].entity_id),
            *(await queries.payments("other", PaymentFilters(lease_id=LIVES[1][0].head.lease_id), 10)).items,
        ]

    assert ask(views, questions) == [None] * 5


@pytest.mark.parametrize("nonsense", ["", "x", "a\0b", "\ud800", "11111111-1111-1111-1111-11111111111", "é" * 300])
def test_nonsense_finds_nothing(views: str, nonsense: str) -> None:
    async def questions(queries: Queries) -> list[object]:
        filters = [PaymentFilters(lease_id=nonsense), PaymentFilters(payer_account_id=nonsense)]
        pages = [await queries.payments("demo", given, 10) for given in filters]
        if nonsense:
            pages.append(await queries.payments("demo", PaymentFilters(idempotency_key=nonsense), 10))
        return [
            await queries.payment("demo", nonsense),
            await queries.history("demo", nonsense),
            await queries.rejection("demo", nonsense),
            await queries.entity("demo", Kind.PROPERTY, nonsense),
            *(item for page in pages for item in page.items),
        ]

    assert ask(views, questions) == [None] * 4


def test_pages_hold_every_payment_once_newest_first(views: str) -> None:
    async def all_pages(queries: Queries) -> dict[tuple[str, int], list[str]]:
        found: dict[tuple[str, int], list[str]] = {}
        for tenant in ("demo", "crowd"):
            for limit in (1, 4, 9, 26, 1000):
                cursor: str | None = None
                ids: list[str] = []
                while True:
                    page = await queries.payments(tenant, PaymentFilters(), limit, cursor)
                    assert len(page.items) <= limit
                    ids += [row.payment_id for row in page.items]
                    cursor = page.next_cursor
                    if cursor is None:
                        break
                found[tenant, limit] = ids
        return found

    found = ask(views, all_pages)
    demo = [order("demo", 100).payment_id, *(LIVES[number][-1].payment_id for number in sorted(LIVES, reverse=True))]
    crowd = sorted((steps[-1].payment_id for steps in SAME_MOMENT), reverse=True)
    for (tenant, _), ids in found.items():
        assert ids == (demo if tenant == "demo" else crowd)


def matches(payment: Payment, filters: PaymentFilters) -> bool:
    head = payment.head
    return (
        filters.status in (None, payment.status)
        and filters.lease_id in (None, head.lease_id)
        and filters.payer_account_id in (None, head.payer_account_id)
        and filters.payment_rail_type in (None, head.payment_rail_type)
        and filters.idempotency_key in (None, head.idempotency_key)
        and (filters.from_us is None or head.initiated_at_us >= filters.from_us)
        and (filters.to_us is None or head.initiated_at_us < filters.to_us)
    )


@pytest.mark.parametrize(
    "filters",
    [
        PaymentFilters(status=Status.RETURNED),
        PaymentFilters(status=Status.FAILED, payment_rail_type="instant"),
        PaymentFilters(lease_id=LIVES[3][0].head.lease_id),
        PaymentFilters(payer_account_id=LIVES[4][0].head.payer_account_id, status=Status.COMPLETED),
        PaymentFilters(payment_rail_type="wire"),
        PaymentFilters(idempotency_key="rent-7"),
        PaymentFilters(idempotency_key="rent-7", status=Status.CANCELLED),
        PaymentFilters(from_us=T0_US + 5_000, to_us=T0_US + 9_000),
        PaymentFilters(from_us=T0_US + 3_000, to_us=T0_US + 20_000, status=Status.COMPLETED, payment_rail_type="wire"),
    ],
)
def test_filters_hold_exactly_what_matches(views: str, filters: PaymentFilters) -> None:
    page = ask(views, lambda queries: queries.payments("demo", filters, 100))
    expected = [steps[-1] for _, steps in sorted(LIVES.items(), reverse=True) if matches(steps[-1], filters)]
    assert [row.payment_id for row in page.items] == [payment.payment_id for payment in expected]
    if filters.status is not Status.CANCELLED:
        assert page.items


@pytest.mark.parametrize("cursor", ["", "garbage", "WzEsMSwieCJd"])
def test_a_bad_cursor_is_a_typed_error(views: str, cursor: str) -> None:
    with pytest.raises(MalformedCursor):
        ask(views, lambda queries: queries.payments("demo", PaymentFilters(), 10, cursor))
    with pytest.raises(MalformedCursor):
        ask(views, lambda queries: queries.entities("demo", Kind.PROPERTY, 10, cursor))


def test_a_cursor_of_entities_is_none_of_payments(views: str) -> None:
    with pytest.raises(MalformedCursor):
        ask(views, lambda queries: queries.payments("demo", PaymentFilters(), 10, write_cursor(T0_US, "demo")))


def test_entities_come_back_as_they_were(views: str) -> None:
    async def questions(queries: Queries) -> None:
        first = await queries.entities("demo", Kind.PROPERTY, 5)
        rest = await queries.entities("demo", Kind.PROPERTY, 5, first.next_cursor)
        assert rest.next_cursor is None
        rows = [*first.items, *rest.items]
        wanted = sorted(PROPERTIES, key=lambda it: (it.created_at_us, it.entity_id), reverse=True)
        assert [row.entity_id for row in rows] == [it.entity_id for it in wanted]
        assert [(row.entity, row.created_by, row.created_at_us) for row in rows] == [
            (it.entity, it.created_by, it.created_at_us) for it in wanted
        ]
        lease = await queries.entity("demo", Kind.LEASE, entity("demo", 1, LEASE, Kind.LEASE).entity_id)
        assert lease is not None
        assert (lease.entity, lease.state, lease.kind) == (LEASE, State.ACTIVE, Kind.LEASE)

    ask(views, questions)


def test_outcomes_of_many_commands_are_one_question(views: str) -> None:
    done, reused, refused, unknown = order("demo", 1), str(uuid.UUID(int=99)), order("demo", 200), order("demo", 999)
    cancelled = order("demo", 100).payment_id
    waits = [
        Wait(payment_id=done.payment_id, command_id=done.command_id, kind="initiate"),
        Wait(payment_id=done.payment_id, command_id=reused, kind="initiate"),
        Wait(payment_id=refused.payment_id, command_id=refused.command_id, kind="initiate"),
        Wait(payment_id=unknown.payment_id, command_id=unknown.command_id, kind="initiate"),
        Wait(payment_id=cancelled, command_id=CANCEL.id, kind="cancel"),
        Wait(payment_id=done.payment_id, command_id=str(uuid.UUID(int=5)), kind="cancel"),
    ]
    outcomes = ask(views, lambda queries: queries.outcomes(waits))
    assert set(outcomes) == {done.command_id, reused, refused.command_id, CANCEL.id}
    created = outcomes[done.command_id]
    assert created.payment is not None
    assert created.payment.created_by == done.command_id
    assert created.rejection is None
    conflict = outcomes[reused]
    assert conflict.payment is not None
    assert conflict.rejection is not None
    assert conflict.rejection.reason == "idempotency-key-reused"
    nothing = outcomes[refused.command_id]
    assert nothing.payment is None
    assert nothing.rejection is not None
    assert nothing.rejection.errors == (FieldError(field="amount", message="must be more than 0"),)
    stopped = outcomes[CANCEL.id]
    assert stopped.payment is not None
    assert stopped.payment.status is Status.CANCELLED
    assert ask(views, lambda queries: queries.outcomes([])) == {}


def test_no_table_is_read_whole_for_outcomes_however_young_it_is(views: str) -> None:
    """A plan that was made for a few rows is kept while there come millions, until the table is analysed."""
    waits = [
        Wait(
            payment_id=order("demo", number).payment_id,
            command_id=str(uuid.UUID(int=number)),
            kind="cancel" if number % 2 else "initiate",
        )
        for number in range(100)
    ]

    async def often(queries: Queries) -> None:
        # More often than a plan is made anew for its parameters.
        for _ in range(10):
            await queries.outcomes(waits)

    def reads() -> tuple[int, dict[str, int]]:
        told = "SELECT relname, seq_scan, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables"
        with psycopg.connect(views, autocommit=True) as connection:
            rows = connection.execute(told).fetchall()
        return sum(every for _, _, every in rows), {name: whole for name, whole, _ in rows}

    before, whole_before = reads()
    ask(views, often)
    deadline = time.monotonic() + 10
    # What a connection has read is told when it has ended, which is a moment after the question.
    while (after := reads())[0] == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert after[1] == whole_before


def test_a_refusal_to_create_is_found_by_the_payments_id(views: str) -> None:
    async def reasons(queries: Queries) -> list[str | None]:
        found = [
            await queries.rejection("demo", order("demo", number).payment_id) for number in (200, 201, 1, 202, 300)
        ]
        return [row.reason if row else None for row in found]

    # 201: only a cancel of it was refused; 1: the payment exists; 300: nobody ever asked.
    assert ask(views, reasons) == ["invalid-command", None, None, "invalid-command", None]


def test_a_stopped_server_is_unavailable_in_time_and_answers_again(postgres: OwnPostgres, views: str) -> None:
    async def through_a_pause(queries: Queries) -> None:
        await asyncio.gather(*(queries.ping() for _ in range(20)))  # Eight warm connections.
        postgres.pause()
        try:
            for _ in range(2):  # First on connections that were open, then on new ones that nobody accepts.
                began = time.perf_counter()
                answers = await asyncio.gather(*(queries.ping() for _ in range(20)), return_exceptions=True)
                assert time.perf_counter() - began < 1.5
                assert {type(answer) for answer in answers} == {ViewsUnavailable}
        finally:
            postgres.resume()
        # The server may still be busy ending what was asked of it before.
        deadline = time.perf_counter() + 10
        while True:
            try:
                assert await queries.payment("demo", LIVES[1][-1].payment_id) is not None
                return
            except ViewsUnavailable:
                assert time.perf_counter() < deadline

    ask(views, through_a_pause, timeout_s=0.7)


def test_a_killed_server_is_unavailable_at_once_and_answers_again(postgres: OwnPostgres, views: str) -> None:
    async def through_a_restart(queries: Queries) -> None:
        await asyncio.gather(*(queries.ping() for _ in range(20)))
        postgres.kill()
        began = time.perf_counter()
        with pytest.raises(ViewsUnavailable):
            await queries.ping()
        assert time.perf_counter() - began < 1
        await asyncio.to_thread(postgres.start)
        # All that were open are broken; nobody who asks has to notice.
        rows = await asyncio.gather(*(queries.payment("demo", LIVES[1][-1].payment_id) for _ in range(20)))
        assert all(rows)

    ask(views, through_a_restart)


def test_a_restart_between_two_questions_is_not_noticed(postgres: OwnPostgres, views: str) -> None:
    async def through_a_restart(queries: Queries) -> None:
        await asyncio.gather(*(queries.ping() for _ in range(20)))
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.start)
        await asyncio.gather(*(queries.ping() for _ in range(20)))

    ask(views, through_a_restart)


def test_a_database_that_is_not_there_or_empty_is_unavailable(postgres: OwnPostgres, views: str) -> None:
    empty = postgres.make_database()
    for uri in (empty, "postgresql://nobody:x@127.0.0.1:9/nothing"):
        with pytest.raises(ViewsUnavailable):
            ask(uri, lambda queries: queries.payment("demo", LIVES[1][-1].payment_id))


def test_a_caller_who_goes_away_leaves_the_connection_usable(views: str) -> None:
    async def go_away(queries: Queries) -> None:
        for _ in range(30):
            asked = asyncio.create_task(queries.payments("demo", PaymentFilters(), 1000))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        assert await queries.payment("demo", LIVES[1][-1].payment_id) is not None

    ask(views, go_away)
