"""Every projection made anew from the log beside the live ones, and swapped: under load, read, killed, overtaken."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from directory.changes import DirectoryRecord
from directory.entities import Kind, Lease
from kafka_log.topics_admin import apply_topics
from projections.batch import Batch, Move
from projections.fresh_tables import CannotReplace
from projections.migrate import ANALYST, migrate
from projections.positions import ForeignLog
from projections.rebuild import RebuildRuns, Rebuilt, drop_replaced, only_rebuild, rebuild
from projections.swap import SwapRefused
from projections.transaction import Overtaken, session_uri, write
from schemas.topics import PAYMENT_EVENTS
from tests.integration.own_broker import OwnBroker
from tests.integration.own_postgres import OwnPostgres
from tests.integration.projected_log import (
    PARTITIONS,
    ProjectorProcess,
    Writer,
    books_of_log,
    books_of_views,
    deliveries,
    entity,
    life,
    order,
    rejection,
    transitions_in,
    wait_until,
)
from tests.integration.rebuilt_views import Readers, hashes, shape

StartProjector = Callable[..., ProjectorProcess]
TENANT = "rebuilt"
PAYMENTS = 400


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    running = OwnBroker(tmp_path_factory.mktemp("broker"))
    running.start()
    apply_topics(running.bootstrap, PARTITIONS)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def writer(broker: OwnBroker) -> Writer:
    writer = Writer(broker.bootstrap)
    write_lives(writer, TENANT, PAYMENTS)
    entity_ids = [str(uuid.uuid4()) for _ in range(20)]
    writer.write([entity(version, entity_id) for version in (1, 2) for entity_id in entity_ids])
    writer.write([agreed_lease()])
    writer.write([rejection(n, command_id=str(uuid.uuid4()) if n % 2 else None) for n in range(40)])
    writer.write(delivery for number in range(20) for delivery in deliveries(number))
    return writer


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
def start(broker: OwnBroker, writer: Writer, views: str, tmp_path: Path) -> Iterator[StartProjector]:
    """Starts a projector into `views`; all are stopped afterwards."""
    started: list[ProjectorProcess] = []

    def start_one(**more: Any) -> ProjectorProcess:
        started.append(ProjectorProcess(bootstrap=broker.bootstrap, postgres=views, folder=tmp_path, **more).start())
        return started[-1]

    yield start_one
    for projector in started:
        projector.stop()


Rebuild = Callable[..., Rebuilt]


@pytest.fixture
def rebuild_it(broker: OwnBroker, views: str) -> Rebuild:
    def run(*, say: Callable[[str], None] = print, readers_wait_s: float = 20) -> Rebuilt:
        return rebuild(bootstrap=broker.bootstrap, postgres=views, readers_wait_s=readers_wait_s, say=say)

    return run


def write_lives(writer: Writer, tenant: str, payments: int) -> None:
    """Write the whole lives of new payments, step by step over all of them."""
    lives = [life(order(tenant, number), number) for number in range(payments)]
    for step in range(4):
        writer.write(steps[step] for steps in lives if len(steps) > step)


def agreed_lease() -> DirectoryRecord:
    """Return the terms of a lease that payments are made on."""
    lease_id = order(TENANT, 3).lease_id
    assert lease_id is not None
    someone = str(uuid.uuid4())
    terms = Lease(
        property_id=someone, renter_id=someone, rent_amount_minor=100_000, due_day=1, start_date=date(2025, 1, 1),
        end_date=None,
    )  # fmt: skip
    return replace(entity(1, lease_id), tenant_id=TENANT, kind=Kind.LEASE, entity=terms)


def new_tenant() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


def analyst_of(uri: str) -> str:
    return make_conninfo(uri, user=ANALYST, password="analyst")


def at(line: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return a `say` that acts when the rebuild says this."""

    def say(said: str) -> None:
        if line in said:
            act()

    return say


def execute(uri: str, statement: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(statement.encode())


def rows(uri: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(uri, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def schemas(uri: str) -> list[str]:
    return [row[0] for row in rows(uri, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'projection%' ORDER BY 1")]


def wait_equal(views: str, broker: OwnBroker, projector: ProjectorProcess) -> None:
    whole_log = books_of_log(broker.bootstrap)
    wait_until(lambda: books_of_views(views) == whole_log, projector)


def test_under_load_no_read_fails_and_the_rows_are_those_of_the_log(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector, rebuild_it: Rebuild
) -> None:
    projector = start()
    projector.wait_ready()
    swapped = threading.Event()

    def write_on() -> None:
        while not swapped.is_set():
            write_lives(writer, new_tenant(), 20)

    with (
        Readers(analyst=analyst_of(views), owner=views, tenant_id=TENANT) as readers,
        ThreadPoolExecutor(1) as writing,
    ):
        written = writing.submit(write_on)
        try:
            for _ in range(2):
                assert rebuild_it().kept == ()
        finally:
            swapped.set()
        written.result()
        looked = readers.looked, readers.asked
        # It goes on where the swap left it, in the same process.
        write_lives(writer, new_tenant(), 20)
        wait_equal(views, broker, projector)
        wait_until(lambda: readers.looked > looked[0] and readers.asked > looked[1])
    assert readers.faults == []
    assert projector.process.poll() is None
    assert schemas(views) == ["projection"]


def test_rows_and_shape_are_as_before_whatever_had_become_of_the_rows(
    views: str, start: StartProjector, rebuild_it: Rebuild
) -> None:
    start().wait_ready()
    # Behind the transaction markers too, where a rebuild gets at once.
    wait_until(lambda: rows(views, "SELECT sum(lag) FROM analytics.freshness") == [(0,)])
    execute(views, "CREATE ROLE auditor")
    execute(views, "GRANT SELECT (status), INSERT ON projection.payments TO auditor")
    execute(views, "REVOKE SELECT (status) ON projection.payments FROM auditor")
    execute(views, "CREATE INDEX payments_of_an_operator ON projection.payments (status) WHERE status = 'failed'")
    execute(views, "ALTER TABLE projection.ledger_entries SET (autovacuum_vacuum_scale_factor = 0.5)")
    rows_before, shape_before = hashes(views), shape(views)
    assert rows_before["analytics.payments"] != rows_before["analytics.ledger_entries"]
    assert rows(views, "SELECT count(*) FROM analytics.webhook_deliveries") == [(40,)]
    execute(views, "UPDATE projection.payments SET status = 'completed', refunded_minor = 1 WHERE sequence = 2")
    execute(views, "DELETE FROM projection.ledger_entries WHERE line = 1")
    execute(views, "TRUNCATE projection.account_balances")
    execute(views, "DELETE FROM projection.webhook_deliveries WHERE attempt = 1")
    assert hashes(views) != rows_before
    rebuild_it()
    assert hashes(views) == rows_before
    assert shape(views) == shape_before
    for table in ("projection.payments", "live.payments_generations"):
        estimated = rows(views, f"SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass")
        assert estimated == rows(views, "SELECT count(*) FROM projection.payments")
    # Analysts read as before, and no more than before.
    assert rows(analyst_of(views), "SELECT count(*) FROM payments")[0][0] >= PAYMENTS
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(analyst_of(views), "SELECT * FROM projection.payments")
    # Migrations find what they left.
    migrate(views, analyst_password="analyst")


def test_who_was_reading_reads_on_and_views_of_others_show_what_comes_after(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector, rebuild_it: Rebuild
) -> None:
    projector = start()
    projector.wait_ready()
    execute(views, "CREATE ROLE reporter LOGIN PASSWORD 'reporter'")
    execute(views, "GRANT USAGE ON SCHEMA analytics TO reporter; GRANT SELECT ON analytics.payments TO reporter")
    execute(views, "CREATE SCHEMA reports AUTHORIZATION reporter")
    execute(views, f"GRANT CONNECT ON DATABASE {views.rpartition('/')[2]} TO reporter")
    reporter = make_conninfo(views, user="reporter", password="reporter")
    execute(reporter, "CREATE VIEW reports.paid AS SELECT payment_id, amount FROM analytics.payments")
    payments = rows(reporter, "SELECT count(*) FROM reports.paid")[0][0]
    views_before = rows(
        views, "SELECT oid, relacl FROM pg_class WHERE relnamespace = 'analytics'::regnamespace ORDER BY 1"
    )

    with (
        psycopg.connect(analyst_of(views)) as open_query,
        psycopg.connect(analyst_of(views)) as one_snapshot,
        psycopg.connect(analyst_of(views), autocommit=True, prepare_threshold=0) as prepared,
    ):
        cursor = open_query.cursor("open_query")
        cursor.execute("SELECT payment_id FROM payments ORDER BY payment_id")
        first = cursor.fetchmany(10)
        # Its snapshot is from before the swap; it looks at payments only afterwards.
        one_snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        one_snapshot.execute("SELECT count(*) FROM leases")
        assert prepared.execute("SELECT count(*) FROM payments").fetchone() == (payments,)

        assert rebuild_it(readers_wait_s=1).kept == ("projection_1",)
        # Nor does one more rebuild take from them what they read.
        assert rebuild_it(readers_wait_s=0).kept == ("projection_1", "projection_2")

        write_lives(writer, new_tenant(), 7)
        wait_equal(views, broker, projector)
        assert len(first + cursor.fetchall()) == payments
        cursor.close()
        assert one_snapshot.execute("SELECT count(*) FROM payments").fetchone() == (payments,)
        assert prepared.execute("SELECT count(*) FROM payments").fetchone() == (payments + 7,)
        assert rows(reporter, "SELECT count(*) FROM reports.paid") == [(payments + 7,)]
    assert drop_replaced(postgres=views, readers_wait_s=20, say=print) == []
    assert schemas(views) == ["projection"]
    assert rows(reporter, "SELECT count(*) FROM reports.paid") == [(payments + 7,)]
    views_after = rows(
        views, "SELECT oid, relacl FROM pg_class WHERE relnamespace = 'analytics'::regnamespace ORDER BY 1"
    )
    assert views_after == views_before


def test_a_projector_that_slept_through_the_swap_writes_nothing_old(
    broker: OwnBroker, writer: Writer, views: str, start: StartProjector, rebuild_it: Rebuild
) -> None:
    # In groups of their own: each believes that every partition is its own.
    slept = start(instance="slept", group_id=f"slept-{uuid.uuid4()}")
    other = start(instance="other", group_id=f"other-{uuid.uuid4()}")
    slept.wait_ready()
    other.wait_ready()
    slept.pause()
    write_lives(writer, new_tenant(), 30)
    rebuild_it()
    write_lives(writer, new_tenant(), 30)
    wait_equal(views, broker, other)
    other.pause()
    slept.resume()
    write_lives(writer, new_tenant(), 30)
    wait_equal(views, broker, slept)
    # Whoever slept for longer than its session does not find its batch overtaken: it is given its partitions anew.
    assert "projector_overtaken" in slept.said() or slept.said().count("positions_taken") > 1


def test_a_batch_from_before_the_swap_is_overtaken(views: str, start: StartProjector, rebuild_it: Rebuild) -> None:
    projector = start()
    projector.wait_ready()
    assert projector.stop() == 0
    topic = PAYMENT_EVENTS.name
    ((partition, position, topic_id),) = rows(
        views, f"SELECT partition, next, topic_id FROM projection.offsets WHERE topic = '{topic}' LIMIT 1"
    )
    # The projector of before got no further than this.
    execute(views, f"UPDATE projection.offsets SET next = {position - 1} WHERE topic = '{topic}' AND next = {position}")
    move = Move(topic=topic, partition=partition, old=position - 1, new=position, log_end=position, record_at_us=None)
    with psycopg.connect(session_uri(views, "old"), autocommit=True, prepare_threshold=0) as connection:
        # Its plans are of before, too.
        with connection.transaction(force_rollback=True):
            write(connection, Batch(moves=(move,)), {topic: topic_id})
        rebuild_it()
        with pytest.raises(Overtaken):
            write(connection, Batch(moves=(move,)), {topic: topic_id})


def test_a_batch_in_the_middle_is_waited_for_and_the_projector_goes_on_meanwhile(
    views: str, start: StartProjector, rebuild_it: Rebuild
) -> None:
    start().wait_ready()
    with psycopg.connect(views) as held:
        held.execute("SELECT FROM projection.offsets WHERE partition = 2 FOR UPDATE")

        def let_go() -> None:
            wait_until(lambda: waits_for_positions(views))
            held.rollback()

        letting_go = threading.Thread(target=let_go)
        assert rebuild_it(say=at("swapping", letting_go.start)).transitions
        letting_go.join()
    assert schemas(views) == ["projection"]


def waits_for_positions(uri: str) -> bool:
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'directpay-rebuild' AND wait_event_type = 'Lock'"
    return bool(rows(uri, waiting))


def run_command(broker: OwnBroker, views: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "rebuild", *options],
        env={**os.environ, "DIRECTPAY_KAFKA": broker.bootstrap, "DIRECTPAY_POSTGRES": views},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("moment", ["", "of about", "making keys", "swapping"])
def test_killed_at_any_moment_the_live_tables_serve_and_the_next_one_begins_anew(
    broker: OwnBroker, views: str, start: StartProjector, moment: str
) -> None:
    start().wait_ready()
    wait_until(lambda: rows(views, "SELECT sum(lag) FROM analytics.freshness") == [(0,)])
    before = hashes(views)
    killed = run_command(broker, views)
    assert killed.stderr is not None
    if moment:
        assert any(moment in line for line in killed.stderr)
    else:
        wait_until(lambda: len(schemas(views)) > 1)
    loading = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.wait()
    killed.communicate()
    assert hashes(views) == before
    # Nor do those go on that it had started.
    wait_until(lambda: all(map(has_ended, loading)))
    # Its sessions end when the server notices; until then it is another rebuild.
    wait_until(lambda: is_free(views))
    again = run_command(broker, views)
    said = again.communicate()
    assert again.returncode == 0, said
    assert "Rebuilt from" in said[0]
    assert hashes(views) == before
    assert schemas(views) == ["projection"]


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_free(views: str) -> bool:
    try:
        with only_rebuild(views):
            return True
    except RebuildRuns:
        return False


def test_a_loading_process_that_is_killed_ends_the_rebuild_and_leaves_nothing(
    broker: OwnBroker, views: str, start: StartProjector
) -> None:
    start().wait_ready()
    wait_until(lambda: rows(views, "SELECT sum(lag) FROM analytics.freshness") == [(0,)])
    before = hashes(views)
    ended = run_command(broker, views)
    wait_until(lambda: loaders_of(ended.pid))
    loaders_of(ended.pid)[0].kill()
    _, said = ended.communicate()
    assert ended.returncode == 1
    assert "a loading process ended without a word" in said
    assert hashes(views) == before
    assert drop_replaced(postgres=views, readers_wait_s=20, say=print) == []
    assert schemas(views) == ["projection"]


def loaders_of(pid: int) -> list[psutil.Process]:
    """Return the processes in which a rebuild loads; besides them there is the one that multiprocessing keeps."""
    return [it for it in psutil.Process(pid).children() if "spawn_main" in " ".join(it.cmdline())]


def test_two_at_once_one_refuses(broker: OwnBroker, views: str, start: StartProjector) -> None:
    start().wait_ready()
    with only_rebuild(views):
        second = run_command(broker, views)
        _, said = second.communicate()
    assert second.returncode == 1
    assert "another rebuild of this database is at work" in said


def test_what_is_bound_to_the_live_tables_is_named_and_nothing_is_made(views: str, rebuild_it: Rebuild) -> None:
    execute(views, "CREATE VIEW public.shortcut AS SELECT * FROM projection.payments")
    execute(views, "CREATE TABLE projection.notes (note text)")
    with pytest.raises(CannotReplace, match=r"notes is no projection.*shortcut reads projection.payments"):
        rebuild_it()
    assert schemas(views) == ["projection"]


def test_another_kafka_is_refused(views: str, start: StartProjector, rebuild_it: Rebuild) -> None:
    start().wait_ready()
    execute(views, "UPDATE projection.offsets SET topic_id = 'AAAAAAAAAAAAAAAAAAAAAA' WHERE partition = 1")
    before = transitions_in(views)
    with pytest.raises(ForeignLog):
        rebuild_it()
    assert (transitions_in(views), schemas(views)) == (before, ["projection"])


def test_a_migration_meanwhile_is_noticed(views: str, start: StartProjector, rebuild_it: Rebuild) -> None:
    start().wait_ready()
    migration = "INSERT INTO projection.migrations (version, name, sha256) VALUES (9999, 'tomorrow', 'x')"
    with pytest.raises(SwapRefused, match="migrated"):
        rebuild_it(say=at("swapping", lambda: execute(views, migration)))
    assert schemas(views) == ["projection"]


def test_refusals_that_the_log_has_forgotten_come_along(views: str, start: StartProjector, rebuild_it: Rebuild) -> None:
    start().wait_ready()
    execute(
        views,
        """INSERT INTO projection.command_outcomes (outcome_key, topic, partition, "offset", reason, detail, errors,
               rejected_at, raw, raw_bytes, raw_sha256)
           SELECT name, 'payment-commands', 0, 1, 'invalid', '', '[]', now() - age, '', 0, ''
           FROM (VALUES ('of last year', interval '365 days'), ('of no record', interval '1 day')) AS it (name, age)
        """,
    )
    rebuild_it()
    refused = rows(views, "SELECT outcome_key FROM projection.command_outcomes WHERE outcome_key LIKE 'of %'")
    assert refused == [("of last year",)]


def test_every_analysts_view_reads_from_live(views: str) -> None:
    """A view that reads projection itself would go on showing the replaced tables."""
    with psycopg.connect(views) as connection:
        names = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'analytics'").fetchall()
        for (name,) in names:
            definition = connection.execute(
                sql.SQL("SELECT pg_get_viewdef({}::regclass)").format(sql.Literal(f"analytics.{name}"))
            ).fetchone()
            assert "projection." not in str(definition), name
