"""The analysts' role reads the views, and nothing that it tries does more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from projections.migrate import ANALYST, migrate

PASSWORD = "read only, with blanks & 'quotes'"


@pytest.fixture(scope="module")
def analyst(database: str) -> Iterator[psycopg.Connection]:
    # Several at once, as when several processes of a new stack start.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate(database, analyst_password=PASSWORD), range(4)))
    with psycopg.connect(make_conninfo(database, user=ANALYST, password=PASSWORD), autocommit=True) as connection:
        yield connection


def test_a_wrong_password_is_refused(database: str, analyst: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(make_conninfo(database, user=ANALYST, password="guess"))


def test_every_view_is_read_in_utc_by_its_short_name(analyst: psycopg.Connection) -> None:
    views = analyst.execute("SELECT viewname FROM pg_views WHERE schemaname = 'analytics'").fetchall()
    assert len(views) >= 9
    for (view,) in views:
        analyst.execute(f"SELECT * FROM {view}".encode())
    assert analyst.execute("SHOW timezone").fetchone() == ("UTC",)
    assert analyst.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_the_role_may_log_in_and_nothing_else(analyst: psycopg.Connection) -> None:
    role = analyst.execute(
        """SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit > 0
           FROM pg_roles WHERE rolname = %s""",
        (ANALYST,),
    ).fetchone()
    assert role == (True, False, False, False, False, False, True)


ATTEMPTS = """
INSERT INTO analytics.users (email) VALUES ('x')
UPDATE analytics.payments SET status = 'completed'
DELETE FROM analytics.payments
TRUNCATE projection.payments
SELECT * FROM analytics.properties FOR UPDATE
LOCK TABLE analytics.payments IN ACCESS EXCLUSIVE MODE
SELECT * FROM projection.payments
UPDATE projection.payments SET status = 'completed'
SELECT * FROM projection.command_outcomes
SELECT live.at_us(1)
SELECT * FROM live.payments
UPDATE live.generation SET generation = 2
SELECT * FROM live.payments_generations
CREATE TABLE analytics.mine (i int)
CREATE TABLE public.mine (i int)
CREATE TEMP TABLE mine (i int)
CREATE VIEW analytics.mine AS SELECT 1
CREATE OR REPLACE VIEW analytics.payments AS SELECT 1
DROP VIEW analytics.payments
ALTER VIEW analytics.payments OWNER TO directpay_analyst
COMMENT ON VIEW analytics.payments IS 'mine'
CREATE SCHEMA mine
CREATE FUNCTION analytics.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE ROLE mine
ALTER ROLE directpay_analyst SUPERUSER
ALTER ROLE directpay_analyst CONNECTION LIMIT -1
GRANT pg_read_all_data TO directpay_analyst
SET ROLE pg_write_all_data
SET SESSION AUTHORIZATION postgres
ALTER SYSTEM SET fsync = off
COPY (SELECT 1) TO '/tmp/stolen'
COPY (SELECT 1) TO PROGRAM 'id'
SELECT pg_read_file('/etc/passwd')
SELECT pg_ls_dir('.')
SELECT rolpassword FROM pg_authid
SELECT lo_create(0)
SELECT lo_from_bytea(0, 'x')
SELECT pg_advisory_lock(1)
SELECT pg_try_advisory_lock(1)
SELECT pg_reload_conf()
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'directpay_analyst' AND usename IS NOT NULL
CREATE EXTENSION dblink
CREATE DATABASE mine
""".strip().splitlines()


REFUSED = (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.ObjectNotInPrerequisiteState)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_can_be_written_or_reached(database: str, analyst: psycopg.Connection, attempt: str) -> None:
    # Read-only transactions are a default that anybody can set away: what holds must not depend on it.
    analyst.execute("SET default_transaction_read_only = off")
    # Somebody else's session, for the attempt to end one; a transaction, where the attempt needs one.
    with (
        psycopg.connect(database, autocommit=True),
        analyst.transaction() if attempt.startswith("LOCK") else nullcontext(),
        pytest.raises(REFUSED),
    ):
        analyst.execute(attempt.encode())


def test_a_statement_ends_at_its_time_out_and_a_crowd_at_its_limit(database: str, analyst: psycopg.Connection) -> None:
    analyst.execute("SET statement_timeout = '100ms'")
    with pytest.raises(errors.QueryCanceled):
        analyst.execute("SELECT pg_sleep(10)")
    analyst.execute("RESET statement_timeout")
    uri = make_conninfo(database, user=ANALYST, password=PASSWORD)
    crowd: list[psycopg.Connection] = []
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            crowd.extend(psycopg.connect(uri) for _ in range(40))
    finally:
        for connection in crowd:
            connection.close()


def test_an_owner_who_is_no_superuser_migrates_and_still_makes_a_role_that_only_reads(
    postgres_uri: str, analyst: psycopg.Connection
) -> None:
    owner, database = f"owner_{uuid.uuid4().hex[:8]}", f"managed_{uuid.uuid4().hex[:8]}"
    name = sql.Identifier
    with psycopg.connect(postgres_uri, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'managed'").format(name(owner)))
        superuser.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(name(ANALYST), name(owner)))
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name(database), name(owner)))
        try:
            uri = make_conninfo(postgres_uri, user=owner, password="managed", dbname=database)
            for _ in range(2):
                migrate(uri, analyst_password=PASSWORD)
            reader = make_conninfo(postgres_uri, user=ANALYST, password=PASSWORD, dbname=database)
            with psycopg.connect(reader, autocommit=True) as reading:
                assert reading.execute("SELECT count(*) FROM analytics.payments").fetchone() == (0,)
                with pytest.raises((errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
                    reading.execute("DELETE FROM analytics.payments")
            superuser.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(name(ANALYST)))
            with pytest.raises(psycopg.Error, match="a superuser must take them away"):
                migrate(uri, analyst_password=PASSWORD)
        finally:
            superuser.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(name(ANALYST)))
            superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name(database)))
            superuser.execute(sql.SQL("DROP OWNED BY {}").format(name(owner)))
            superuser.execute(sql.SQL("DROP ROLE {}").format(name(owner)))
