"""When the projector must not go on: a record that it cannot read, a log that is not the one it projected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from kafka_log.topics_admin import apply_topics
from projections.migrate import migrate
from schemas.topics import PAYMENT_EVENTS
from tests.integration.own_broker import OwnBroker
from tests.integration.own_postgres import OwnPostgres
from tests.integration.projected_log import (
    PARTITIONS,
    ProjectorProcess,
    Writer,
    books_of_log,
    books_of_views,
    life,
    order,
    transitions_in,
    wait_until,
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    running = OwnBroker(tmp_path_factory.mktemp("broker"))
    running.start()
    apply_topics(running.bootstrap, PARTITIONS)
    Writer(running.bootstrap).write(life(order("first", 1), 1))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def postgres() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


@pytest.fixture
def views(postgres: OwnPostgres) -> str:
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    return uri


@pytest.fixture
def start(broker: OwnBroker, tmp_path: Path) -> Iterator[Callable[[str], ProjectorProcess]]:
    started: list[ProjectorProcess] = []

    def start_one(uri: str) -> ProjectorProcess:
        started.append(ProjectorProcess(bootstrap=broker.bootstrap, postgres=uri, folder=tmp_path).start())
        return started[-1]

    yield start_one
    for projector in started:
        projector.stop()


Start = Callable[[str], ProjectorProcess]


def wait_refusal(projector: ProjectorProcess) -> str:
    """Return what a projector said that ended by itself, with an exit code that says so."""
    wait_until(lambda: projector.process.poll() is not None, projector)
    assert projector.process.returncode == 1
    said = projector.said()
    assert "projector_stopped" in said
    return said


def test_a_position_beyond_the_log_is_refused(views: str, start: Start) -> None:
    projector = start(views)
    projector.wait_ready()
    projector.stop()
    with psycopg.connect(views) as connection:
        connection.execute("UPDATE projection.offsets SET next = next + 1000 WHERE topic = 'payment-events'")
    assert "the views are projected to offset" in wait_refusal(start(views))


def test_a_position_of_another_topic_is_refused(views: str, start: Start) -> None:
    projector = start(views)
    projector.wait_ready()
    projector.stop()
    with psycopg.connect(views) as connection:
        connection.execute("UPDATE projection.offsets SET topic_id = 'AAAAAAAAAAAAAAAAAAAAAA' WHERE partition = 1")
    assert "the views were projected from another topic" in wait_refusal(start(views))


def test_a_database_that_was_not_migrated_is_refused(postgres: OwnPostgres, start: Start) -> None:
    assert "run the migrations first" in wait_refusal(start(postgres.make_database()))


def test_a_broker_killed_and_started_again_is_waited_for(broker: OwnBroker, views: str, start: Start) -> None:
    projector = start(views)
    projector.wait_ready()
    broker.kill()
    broker.start()
    Writer(broker.bootstrap).write(life(order("after", 2), 2))
    whole_log = books_of_log(broker.bootstrap)
    wait_until(lambda: books_of_views(views) == whole_log, projector)
    assert projector.stop() == 0


def test_a_record_that_cannot_be_read_stops_the_projector_each_time(
    broker: OwnBroker, views: str, start: Start
) -> None:
    projector = start(views)
    projector.wait_ready()
    before = transitions_in(views)
    Writer(broker.bootstrap).write_bytes(PAYMENT_EVENTS.name, 2, b"some-key", b"no Avro at all")
    said = wait_refusal(projector)
    assert "payment-events[2] offset" in said
    assert "cannot be projected" in said
    # It is not passed over by a restart either.
    assert "cannot be projected" in wait_refusal(start(views))
    assert transitions_in(views) == before


def test_a_topic_that_was_made_again_is_refused(broker: OwnBroker, postgres: OwnPostgres, start: Start) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})

    def make_again() -> None:
        for answer in admin.delete_topics([PAYMENT_EVENTS.name]).values():
            answer.result(30)
        wait_until(lambda: PAYMENT_EVENTS.name not in admin.list_topics(timeout=10).topics)
        apply_topics(broker.bootstrap, PARTITIONS)

    make_again()  # Without the record that cannot be read.
    uri = postgres.make_database()
    migrate(uri, analyst_password="analyst")
    Writer(broker.bootstrap).write(life(order("old", 3), 3))
    projector = start(uri)
    projector.wait_ready()
    projector.stop()
    make_again()
    # More records than before on every partition: only the topic's id tells.
    Writer(broker.bootstrap).write(step for number in range(40) for step in life(order("new", number), number))
    assert "the views were projected from another topic" in wait_refusal(start(uri))
