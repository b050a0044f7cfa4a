"""Analysts who set their time-outs away, change their own role or crowd the server: none of it lasts, and the API is
answered meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from projections.analyst_watch import PUT_BACK, AnalystWatch, Limits, is_verifier_of
from projections.migrate import ANALYST, migrate
from projections.queries import Queries
from tests.integration.own_postgres import OwnPostgres

PASSWORD = "analyst"
LIMITS = Limits(statement_s=1.0, idle_s=1.0, transaction_s=3.0)
ENDED_S_MAX = 20.0  # The limit and a look later; a machine that is busy takes its time.
SESSIONS_MAX = 20  # The role's connection limit.
FOR_EVER = "SELECT count(*) FROM generate_series(1, 100000000000) AS a, generate_series(1, 100000000000) AS b"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def owner(server: OwnPostgres) -> str:
    uri = server.make_database()
    migrate(uri, analyst_password=PASSWORD)
    return uri


@pytest.fixture(scope="module")
def watch(owner: str) -> Iterator[AnalystWatch]:
    stop = threading.Event()
    running = AnalystWatch(owner, PASSWORD, stop, limits=LIMITS).start()
    yield running
    stop.set()
    running.join()


def connect(owner: str) -> psycopg.Connection:
    """Return an analyst's session without its time-outs."""
    connection = psycopg.connect(
        make_conninfo(owner, user=ANALYST, password=PASSWORD), autocommit=True, prepare_threshold=None
    )
    for name in (
        "statement_timeout",
        "transaction_timeout",
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "default_transaction_read_only",
    ):
        connection.execute(sql.SQL("SET {} = 0").format(sql.Identifier(name)))
    return connection


# A handler that swallows a cancel keeps running: only the end of the session ends it.
STUBBORN = """DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1000);
              EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$"""


@pytest.mark.parametrize("endless", ["SELECT pg_sleep(1e6)", FOR_EVER, STUBBORN, "DO $$ BEGIN LOOP END LOOP; END $$"])
def test_a_statement_without_a_time_out_ends(owner: str, watch: AnalystWatch, endless: str) -> None:
    with connect(owner) as analyst:
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="terminating connection due to administrator command"):
            analyst.execute(endless.encode())
        assert LIMITS.statement_s <= time.monotonic() - began < ENDED_S_MAX


def test_a_transaction_that_is_left_open_ends(owner: str, watch: AnalystWatch) -> None:
    analyst = connect(owner)
    try:
        analyst.execute("BEGIN")
        analyst.execute("SELECT count(*) FROM payments")
        wait_until(lambda: sessions(owner, analyst.info.backend_pid) == 0)
    finally:
        analyst.close()


def test_a_transaction_of_many_short_statements_ends(owner: str, watch: AnalystWatch) -> None:
    with connect(owner) as analyst:
        analyst.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(psycopg.OperationalError):
            ask_again_and_again(analyst)


def test_who_works_within_the_limits_and_who_owns_the_views_are_left_alone(owner: str, watch: AnalystWatch) -> None:
    with connect(owner) as analyst, psycopg.connect(owner, autocommit=True) as working:
        working.execute("SELECT pg_sleep(4)")  # Longer than any limit.
        analyst.execute("SELECT count(*) FROM payments")


# What Postgres lets every role do to itself.
SELF_CHANGES = [
    f"ALTER ROLE {ANALYST} SET statement_timeout = 0",
    f"ALTER ROLE {ANALYST} SET default_transaction_read_only = off",
    f"ALTER ROLE {ANALYST} RESET ALL",
    f"ALTER ROLE {ANALYST} PASSWORD 'mine alone'",
    f"ALTER ROLE {ANALYST} PASSWORD NULL",
]


@pytest.mark.parametrize("change", [*SELF_CHANGES, "ALTER ROLE CURRENT_USER IN DATABASE {} SET work_mem = '8GB'"])
def test_what_a_role_changes_about_itself_is_put_back(owner: str, watch: AnalystWatch, change: str) -> None:
    def state() -> object:
        with psycopg.connect(owner, autocommit=True) as looking:
            return looking.execute(
                """SELECT (SELECT array_agg(s::text ORDER BY setdatabase) FROM pg_db_role_setting s),
                          (SELECT datacl::text FROM pg_database WHERE datname = current_database()),
                          (SELECT array_agg(relacl::text ORDER BY oid) FROM pg_class
                           WHERE relnamespace = 'analytics'::regnamespace),
                          (SELECT nspacl::text FROM pg_namespace WHERE nspname = 'analytics')"""
            ).fetchone()

    def can_read() -> bool:
        try:
            with psycopg.connect(make_conninfo(owner, user=ANALYST, password=PASSWORD)) as fresh:
                fresh.execute("SELECT count(*) FROM payments")
                return fresh.execute("SHOW statement_timeout").fetchone() == ("30s",)
        except psycopg.Error:
            return False

    wait_until(can_read)
    before, put_back = state(), PUT_BACK._value.get()
    with connect(owner) as analyst:
        analyst.execute(change.format(analyst.info.dbname).encode())
        # The watch may have been faster than this line; that it saw a change is what its counter tells.
        wait_until(lambda: PUT_BACK._value.get() > put_back and can_read() and state() == before)
        if "PASSWORD '" in change:
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(make_conninfo(owner, user=ANALYST, password="mine alone"))


def test_a_crowd_of_endless_questions_does_not_keep_the_api_waiting(owner: str, watch: AnalystWatch) -> None:
    crowd = [connect(owner) for _ in range(SESSIONS_MAX)]
    with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
        connect(owner)
    threads = [threading.Thread(target=ask_until_ended, args=(each,)) for each in crowd]
    for thread in threads:
        thread.start()

    async def api() -> None:
        queries = Queries.open(owner, timeout_s=5.0)
        try:
            while any(thread.is_alive() for thread in threads):
                assert await queries.payment("demo", "11111111-1111-4111-8111-111111111111") is None
        finally:
            await queries.close()

    asyncio.run(api())
    for thread in threads:
        thread.join(ENDED_S_MAX)
    wait_until(lambda: sessions(owner) == 0)


def test_temporary_files_have_a_limit_that_the_role_cannot_move(owner: str, watch: AnalystWatch) -> None:
    with connect(owner) as analyst:
        assert analyst.execute("SHOW temp_file_limit").fetchone() == ("4GB",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute("SET temp_file_limit = -1")


def test_another_projector_s_salt_is_no_change(owner: str) -> None:
    migrate(owner, analyst_password=PASSWORD)
    with psycopg.connect(owner) as looking:
        row = looking.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (ANALYST,)).fetchone()
    assert row is not None
    assert is_verifier_of(PASSWORD, row[0])
    assert not is_verifier_of("another", row[0])
    assert not is_verifier_of(PASSWORD, "md5aaaa")


def ask_again_and_again(analyst: psycopg.Connection) -> None:
    deadline = time.monotonic() + ENDED_S_MAX
    while time.monotonic() < deadline:
        analyst.execute("SELECT count(*) FROM payments")


def ask_until_ended(analyst: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        analyst.execute(FOR_EVER)
    analyst.close()


def sessions(owner: str, pid: int | None = None) -> int:
    with psycopg.connect(owner, autocommit=True) as looking:
        row = looking.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND (%s::int IS NULL OR pid = %s)",
            (ANALYST, pid, pid),
        ).fetchone()
    assert row is not None
    return int(row[0])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENDED_S_MAX
    while not is_so():
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.05)
