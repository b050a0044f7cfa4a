"""The analysts' role reads the views, and nothing that it tries does more."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from projections.analyst_watch import AnalystWatch, Limits
from projections.migrate import ANALYST, migrate

PASSWORD = "read only, with blanks & 'quotes'"


@pytest.fixture(scope="module")
def analyst(database: str) -> Iterator[psycopg.Connection]:
    # Several at once, as when several processes of a new stack start.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate(database, analyst_password=PASSWORD), range(4)))
    uri = make_conninfo(database, user=ANALYST, password=PASSWORD)
    with psycopg.connect(uri, autocommit=True, prepare_threshold=None) as connection:
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
MERGE INTO analytics.payments p USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE
TRUNCATE projection.payments
COPY analytics.users FROM STDIN
SELECT * FROM analytics.properties FOR UPDATE
LOCK TABLE analytics.payments IN ACCESS EXCLUSIVE MODE
LOCK TABLE projection.offsets IN ROW EXCLUSIVE MODE
SELECT * FROM projection.payments
UPDATE projection.payments SET status = 'completed'
SELECT * FROM projection.command_outcomes
SELECT live.at_us(1)
SELECT * FROM live.payments
UPDATE live.generation SET generation = 2
SELECT * FROM live.payments_generations
SELECT * FROM projection.leases
SELECT * FROM live.lease_months
CREATE TABLE analytics.mine (i int)
CREATE TABLE public.mine (i int)
CREATE TEMP TABLE mine (i int)
SELECT 1 AS i INTO TEMP mine
CREATE TEMP VIEW mine AS SELECT 1
CREATE SEQUENCE analytics.mine
CREATE TYPE analytics.mine AS (i int)
CREATE MATERIALIZED VIEW analytics.mine AS SELECT * FROM analytics.payments
CREATE VIEW analytics.mine AS SELECT 1
CREATE OR REPLACE VIEW analytics.payments AS SELECT 1
CREATE RULE mine AS ON SELECT TO analytics.payments DO INSTEAD SELECT 1
DROP VIEW analytics.payments
DROP SCHEMA analytics CASCADE
ALTER VIEW analytics.payments OWNER TO directpay_analyst
ALTER VIEW analytics.payments SET (security_invoker = on)
COMMENT ON VIEW analytics.payments IS 'mine'
CREATE INDEX ON projection.payments (status)
CREATE SCHEMA mine
CREATE FUNCTION analytics.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'
CREATE PROCEDURE public.f() LANGUAGE sql AS 'SELECT 1'
CREATE ROLE mine
ALTER ROLE directpay_analyst SUPERUSER
ALTER ROLE directpay_analyst BYPASSRLS
ALTER ROLE directpay_analyst CONNECTION LIMIT -1
ALTER ROLE postgres PASSWORD 'mine'
ALTER ROLE ALL SET statement_timeout = 0
ALTER DATABASE postgres SET statement_timeout = 0
GRANT pg_read_all_data TO directpay_analyst
GRANT pg_signal_backend TO directpay_analyst
SET ROLE pg_write_all_data
SET ROLE postgres
SET SESSION AUTHORIZATION postgres
SET session_replication_role = replica
SET temp_file_limit = -1
SET log_statement = 'none'
SET track_activities = off
ALTER SYSTEM SET fsync = off
REASSIGN OWNED BY directpay_analyst TO postgres
COPY (SELECT 1) TO '/tmp/stolen'
COPY (SELECT 1) TO PROGRAM 'id'
SELECT pg_read_file('/etc/passwd')
SELECT pg_read_binary_file('postgresql.conf')
SELECT pg_stat_file('/etc/passwd')
SELECT pg_ls_dir('.')
SELECT pg_ls_waldir()
SELECT lo_import('/etc/passwd')
SELECT rolpassword FROM pg_authid
SELECT passwd FROM pg_shadow
SELECT umoptions FROM pg_user_mapping
SELECT subconninfo FROM pg_subscription
SELECT * FROM pg_hba_file_rules
SELECT setting FROM pg_file_settings
SHOW hba_file
SELECT stavalues1 FROM pg_statistic
SELECT lo_create(0)
SELECT lo_from_bytea(0, 'x')
SELECT pg_advisory_lock(1)
SELECT pg_try_advisory_lock(1)
SELECT pg_advisory_xact_lock_shared(1)
SELECT pg_notify('payments', 'x')
SELECT pg_logical_emit_message(false, 'mine', repeat('x', 1000000))
SELECT pg_export_snapshot()
SELECT pg_reload_conf()
SELECT pg_switch_wal()
SELECT pg_promote()
SELECT pg_create_physical_replication_slot('mine')
SELECT pg_create_logical_replication_slot('mine', 'test_decoding')
SELECT pg_stat_reset()
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'directpay_analyst' AND usename IS NOT NULL
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename <> 'directpay_analyst' AND usename IS NOT NULL
SELECT pg_terminate_backend(pg_backend_pid())
SELECT pg_log_backend_memory_contexts(pg_backend_pid())
PREPARE TRANSACTION 'mine'
CREATE EXTENSION dblink
CREATE EXTENSION plpython3u
SELECT dblink_connect('dbname=postgres')
LOAD 'auto_explain'
CREATE SERVER mine FOREIGN DATA WRAPPER postgres_fdw
CREATE PUBLICATION mine FOR ALL TABLES
CREATE SUBSCRIPTION mine CONNECTION 'dbname=x' PUBLICATION y
CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()
CREATE TABLESPACE mine LOCATION '/tmp'
CREATE DATABASE mine
CREATE LANGUAGE mine HANDLER plpgsql_call_handler
CHECKPOINT
VACUUM FULL projection.payments
ANALYZE projection.payments
DO $$ BEGIN EXECUTE 'DELETE FROM projection.payments'; END $$
""".strip().splitlines()


REFUSED = (
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,
    errors.ObjectNotInPrerequisiteState,
    errors.UndefinedFunction,  # dblink's, which is not there
    errors.UndefinedObject,  # a foreign data wrapper that is not there
    errors.WrongObjectType,
)
IN_A_TRANSACTION = ("LOCK", "PREPARE", "SELECT pg_export")


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_can_be_written_or_reached(database: str, analyst: psycopg.Connection, attempt: str) -> None:
    # Read-only transactions are a default that anybody can set away: what holds must not depend on it.
    analyst.execute("SET default_transaction_read_only = off")
    # Somebody else's session, for the attempt to end one; a transaction, where the attempt needs one.
    with (
        psycopg.connect(database, autocommit=True),
        pytest.raises(REFUSED),
        analyst.transaction() if attempt.startswith(IN_A_TRANSACTION) else nullcontext(),
    ):
        analyst.execute(attempt.encode())


# Postgres passes these over with a warning, or does them to nothing; what matters is that nothing is different after.
# Default privileges are kept for what the role will make, and it can make nothing; nobody listens to notifications, and
# their queue is half a megabyte. What a role can change about itself is in test_analyst_watch.py.
PASSED_OVER = """
GRANT SELECT ON analytics.payments TO PUBLIC
REVOKE ALL ON analytics.payments FROM directpay_analyst
DROP OWNED BY directpay_analyst
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC
LISTEN payments
NOTIFY payments
SET search_path = projection, public
SET statement_timeout = 0
""".strip().splitlines()


@pytest.mark.parametrize("attempt", PASSED_OVER)
def test_what_is_not_refused_changes_nothing(database: str, analyst: psycopg.Connection, attempt: str) -> None:
    def everything() -> object:
        with psycopg.connect(database, autocommit=True) as owner:
            return owner.execute(
                """SELECT (SELECT array_agg(c::text ORDER BY oid) FROM (
                              SELECT oid, relname, relowner, relacl, relfilenode, reltuples FROM pg_class
                              WHERE relnamespace IN ('projection'::regnamespace, 'analytics'::regnamespace)) c),
                          (SELECT array_agg(r::text ORDER BY rolname) FROM pg_roles r),
                          (SELECT array_agg(s::text) FROM pg_db_role_setting s),
                          (SELECT datacl::text FROM pg_database WHERE datname = current_database())"""
            ).fetchone()

    before = everything()
    analyst.execute("SET default_transaction_read_only = off")
    analyst.execute(attempt.encode())
    assert [row for row in everything() if row] == [row for row in before if row]  # type: ignore[attr-defined]
    analyst.execute("DISCARD ALL")


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
            # What only a superuser may close, closed later: the owner still ends what takes too long.
            migrate(make_conninfo(postgres_uri, dbname=database), analyst_password=PASSWORD)
            watch = AnalystWatch(uri, PASSWORD, threading.Event(), limits=Limits(idle_s=0.0))
            watch.look()
            with psycopg.connect(reader) as idling:
                idling.execute("SELECT count(*) FROM analytics.payments")
                watch.look()
                with pytest.raises(psycopg.OperationalError, match="terminating connection"):
                    idling.execute("SELECT 1")
            watch.close()
            superuser.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(name(ANALYST)))
            with pytest.raises(psycopg.Error, match="a superuser must take them away"):
                migrate(uri, analyst_password=PASSWORD)
        finally:
            superuser.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(name(ANALYST)))
            superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name(database)))
            superuser.execute(sql.SQL("DROP OWNED BY {}").format(name(owner)))
            superuser.execute(sql.SQL("DROP ROLE {}").format(name(owner)))
