"""The projector on a real log and a real database: killed, paused, overtaken, its database restarted."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import KafkaException
from psycopg.conninfo import make_conninfo

from kafka_log.topics_admin import apply_topics
from payments.payment import Payment
from projections.log_source import LogSource
from projections.migrate import ANALYST, migrate
from tests.integration.own_broker import OwnBroker
from tests.integration.own_postgres import OwnPostgres
from tests.integration.projected_log import (
    PARTITIONS,
    ProjectorProcess,
    Writer,
    books_of_log,
    books_of_views,
    entity,
    life,
    order,
    rejection,
    transitions_in,
    wait_until,
)

StartProjector = Callable[..., ProjectorProcess]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    running = OwnBroker(tmp_path_factory.mktemp("broker"))
    running.start()
    apply_topics(running.bootstrap, PARTITIONS)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def writer(broker: OwnBroker) -> Writer:
    return Writer(broker.bootstrap)


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


@pytest.fixture
def views(postgres: OwnPostgres) -> str:
    """URI of a new database that nothing was projected into."""
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    return uri


@pytest.fixture
def start(broker: OwnBroker, views: str, tmp_path: Path) -> Iterator[StartProjector]:
    """Starts a projector into `views`; all are stopped afterwards."""
    started: list[ProjectorProcess] = []

    def start_one(**more: Any) -> ProjectorProcess:
        started.append(ProjectorProcess(bootstrap=broker.bootstrap, postgres=views, folder=tmp_path, **more).start())
        return started[-1]

    yield start_one
    for projector in started:
        projector.stop()


def write_lives(writer: Writer, payments: int, *, chunk: int = 100) -> None:
    """Write the whole lives of new payments, step by step over many payments, with aborted transactions between."""
    tenant = f"t-{uuid.uuid4().hex[:8]}"
    lives = [life(order(tenant, number), number) for number in range(payments)]
    for begin in range(0, payments, chunk):
        some = lives[begin : begin + chunk]
        for step in range(4):
            writer.write(steps[step] for steps in some if len(steps) > step)
        writer.write([life(order(f"{tenant}-never", begin), begin)[0]], abort=True)


def wait_for_more(views: str, projector: ProjectorProcess, *, transitions: int = 1) -> None:
    """Return when the projector has projected some more, or everything."""
    before = transitions_in(views)
    wait_until(lambda: transitions_in(views) >= before + transitions or projector.health()[0] == 200, projector)


def wait_equal(views: str, broker: OwnBroker, projector: ProjectorProcess) -> None:
    """Return when the views are what the log, as it is now, says."""
    whole_log = books_of_log(broker.bootstrap)
    wait_until(lambda: books_of_views(views) == whole_log, projector)


class LedgerWatch:
    """Looks, again and again, whether what others can see of the books balances."""

    def __init__(self, uri: str) -> None:
        self.looked = 0
        self.faults: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(uri,))

    def __enter__(self) -> LedgerWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self, uri: str) -> None:
        with psycopg.connect(uri, autocommit=True) as connection:
            while not self._stop.is_set():
                row = connection.execute(
                    """SELECT
                        (SELECT coalesce(sum(CASE direction WHEN 'debit' THEN -amount ELSE amount END), 0)
                         FROM analytics.ledger_entries),
                        (SELECT coalesce(sum(balance), 0) FROM analytics.account_balances),
                        (SELECT count(*) FROM analytics.payment_events),
                        (SELECT coalesce(sum(sequence), 0) FROM projection.payments)"""
                ).fetchone()
                assert row is not None
                if row[0] != 0 or row[1] != 0 or row[2] != row[3]:
                    self.faults.append(f"{row}")
                self.looked += 1


def test_an_empty_database_is_rebuilt_from_the_log_and_a_replay_changes_nothing(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector
) -> None:
    entity_ids = [str(uuid.uuid4()) for _ in range(20)]
    write_lives(writer, 300)
    writer.write([entity(version, entity_id) for version in (1, 2) for entity_id in entity_ids])
    writer.write([rejection(n, command_id=str(uuid.uuid4()) if n % 2 else None) for n in range(40)])
    projector = start()
    projector.wait_ready()
    once = books_of_views(views)
    assert once == books_of_log(broker.bootstrap)
    assert once.payments
    assert len(once.refusals) == 40
    assert sum(once.balances.values()) == 0
    assert projector.stop() == 0

    with psycopg.connect(views) as connection:
        connection.execute("UPDATE projection.offsets SET next = 0")
    again = start()
    again.wait_ready()
    assert books_of_views(views) == once


def test_the_views_say_how_fresh_they_are(writer: Writer, views: str, start: StartProjector) -> None:
    write_lives(writer, 20)
    start().wait_ready()

    def lags() -> list[tuple[Any, ...]]:
        with psycopg.connect(views) as connection:
            return connection.execute(
                "SELECT lag, checked_at > now() - interval '5 s', projected_to IS NOT NULL FROM analytics.freshness"
            ).fetchall()

    # Transaction markers stand behind the last record; they are no lag.
    wait_until(lambda: len(lags()) == 4 * PARTITIONS and set(lags()) == {(0, True, True)})


def test_kill_9_at_any_moment_loses_and_doubles_nothing(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector
) -> None:
    write_lives(writer, 1500)
    kills = 0
    with LedgerWatch(views) as watch:
        projector = start(batch_records_max=60)
        while True:
            wait_for_more(views, projector)
            if projector.health()[0] == 200:
                break
            projector.kill()
            kills += 1
            # The last one may finish: at some point batches are as large as they come.
            projector = start(batch_records_max=60 if kills < 8 else 4000)
        assert books_of_views(views) == books_of_log(broker.bootstrap)
    assert kills >= 5
    assert watch.looked > 10
    assert watch.faults == []


def test_postgres_killed_under_load_loses_and_doubles_nothing(
    broker: OwnBroker, writer: Writer, postgres: OwnPostgres, views: str, start: StartProjector
) -> None:
    write_lives(writer, 1000)
    projector = start(batch_records_max=40)
    for _ in range(4):
        wait_for_more(views, projector, transitions=100)
        postgres.kill()
        postgres.start()
    projector.wait_ready()
    assert books_of_views(views) == books_of_log(broker.bootstrap)
    assert "projection_failed" in projector.said()
    assert projector.stop() == 0


def test_a_projector_puts_back_what_analysts_change_about_their_role_also_after_postgres_was_away(
    postgres: OwnPostgres, views: str, start: StartProjector
) -> None:
    analyst = make_conninfo(views, user=ANALYST, password="analyst")
    projector = start(analyst_password="analyst")
    projector.wait_ready()
    postgres.kill()
    postgres.start()

    def can_log_in() -> bool:
        try:
            psycopg.connect(analyst).close()
        except psycopg.OperationalError:
            return False
        return True

    def password_was_changed() -> bool:
        try:
            changing.execute(f"ALTER ROLE {ANALYST} PASSWORD 'mine alone'".encode())
        except psycopg.errors.InternalError_ as error:
            # The projector, back at Postgres, is setting the role up at this very moment.
            if "tuple concurrently updated" not in str(error):
                raise
            return False
        return True

    with psycopg.connect(analyst, autocommit=True) as changing:
        changing.execute("SET default_transaction_read_only = off")
        wait_until(password_was_changed, projector)
    wait_until(can_log_in, projector)
    assert projector.stop() == 0


def test_two_projectors_share_the_partitions_and_one_takes_over_from_the_other(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector
) -> None:
    first, second = start(instance="projector-0"), start(instance="projector-1")
    wait_until(
        lambda: (
            0 < first.health()[1].get("partitions", 0) < 4 * PARTITIONS
            and 0 < second.health()[1].get("partitions", 0) < 4 * PARTITIONS
        )
    )
    with LedgerWatch(views) as watch:
        write_lives(writer, 300)
        wait_equal(views, broker, first)
        second.kill()
        write_lives(writer, 100)
        wait_equal(views, broker, first)
    assert watch.faults == []


def test_a_projector_that_was_paused_and_overtaken_writes_nothing_old(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector
) -> None:
    # In groups of their own: each believes that every partition is its own, as one that was paused does.
    paused = start(instance="paused", group_id=f"paused-{uuid.uuid4()}", batch_records_max=50)
    other = start(instance="other", group_id=f"other-{uuid.uuid4()}", batch_records_max=50)
    with LedgerWatch(views) as watch:
        for _ in range(3):
            paused.pause()
            write_lives(writer, 150)
            wait_equal(views, broker, other)
            paused.resume()
            write_lives(writer, 150)
            wait_equal(views, broker, other)
    assert watch.faults == []
    assert "projector_overtaken" in paused.said() + other.said()


def test_an_event_is_visible_within_milliseconds(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector, record_property: Callable[[str, object], None]
) -> None:
    start().wait_ready()
    tenant = f"t-{uuid.uuid4().hex[:8]}"
    took_ms = []
    with psycopg.connect(views, autocommit=True) as connection:
        for number in range(50):
            payment: Payment = life(order(tenant, number), number)[0]
            began = time.perf_counter()
            writer.write([payment])
            written = time.perf_counter()
            while True:
                found = connection.execute(
                    "SELECT 1 FROM projection.payments WHERE payment_id = %s", (payment.payment_id,)
                ).fetchone()
                if found:
                    break
                assert time.perf_counter() - began < 10
            took_ms.append((time.perf_counter() - written) * 1000)
    median_ms = sorted(took_ms)[len(took_ms) // 2]
    record_property("visible_after_ms_median", round(median_ms, 1))
    print(f"visible {median_ms:.1f} ms after the commit at the median, {max(took_ms):.1f} ms at most")
    # Alone it is a few milliseconds; on a machine that is busy with other tests this still tells a poll that waits.
    assert median_ms < 100


def read_until(is_so: Callable[[], bool], *sources: LogSource) -> None:
    def is_so_now() -> bool:
        for source in sources:
            source.read(1, 0.1)
        return is_so()

    wait_until(is_so_now)


def test_a_projector_whose_name_another_has_taken_ends(broker: OwnBroker) -> None:
    """A broker that slept does the same to a lone one: it answers joins that were given up long ago.

    librdkafka says so once, and from then on nothing is read.
    """
    group = f"taken-{uuid.uuid4().hex[:8]}"
    first = LogSource(broker.bootstrap, group_id=group, instance="projector-0")
    read_until(lambda: first.assigned is not None, first)
    second = LogSource(broker.bootstrap, group_id=group, instance="projector-0")
    try:
        with pytest.raises(KafkaException):
            read_until(lambda: False, first, second)
    finally:
        first.close()
        second.close()
