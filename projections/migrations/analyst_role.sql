-- analyst_role: runs after the migrations, every time: whatever was changed by hand is as it should be again.
-- The role reads the schema analytics and nothing else. Its settings are defaults that it can set away; the missing
-- grants are what keeps it from writing.
ALTER ROLE directpay_analyst LOGIN NOINHERIT CONNECTION LIMIT 20;
DO $$
BEGIN
    ALTER ROLE directpay_analyst NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
EXCEPTION WHEN insufficient_privilege THEN
    -- Only a superuser may change these, even to what they are; on a managed server the owner is none.
    IF EXISTS (
        SELECT FROM pg_roles WHERE rolname = 'directpay_analyst'
           AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
    ) THEN
        RAISE EXCEPTION 'directpay_analyst has rights beyond reading: a superuser must take them away';
    END IF;
END
$$;

DO $$
DECLARE
    changed record;
BEGIN
    -- Every role may set defaults for itself, here and in other databases.
    ALTER ROLE directpay_analyst RESET ALL;
    FOR changed IN
        SELECT datname FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
        WHERE setrole = 'directpay_analyst'::regrole
    LOOP
        EXECUTE format('ALTER ROLE directpay_analyst IN DATABASE %I RESET ALL', changed.datname);
    END LOOP;
END
$$;
ALTER ROLE directpay_analyst SET default_transaction_read_only = on;
ALTER ROLE directpay_analyst SET statement_timeout = '30s';
ALTER ROLE directpay_analyst SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE directpay_analyst SET transaction_timeout = '5min';
ALTER ROLE directpay_analyst SET lock_timeout = '5s';
-- One core a session: the others are for who pays and who is paid.
ALTER ROLE directpay_analyst SET max_parallel_workers_per_gather = 0;
-- Grouping tens of thousands of properties or accounts should not go to disk.
ALTER ROLE directpay_analyst SET work_mem = '32MB';
ALTER ROLE directpay_analyst SET search_path = analytics;
ALTER ROLE directpay_analyst SET timezone = 'UTC';

DO $$
BEGIN
    -- Only a superuser may set this one, and the role not at all: a join of everything with everything fills no disk.
    ALTER ROLE directpay_analyst SET temp_file_limit = '4GB';
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'temporary files of analysts have no limit: a superuser must set temp_file_limit';
END
$$;

DO $$
BEGIN
    -- The watch (projections/analyst_watch.py) ends analysts' sessions: a superuser may, another owner as a member.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
        AND NOT pg_has_role(current_user, 'directpay_analyst', 'USAGE')
    THEN
        GRANT directpay_analyst TO CURRENT_USER WITH INHERIT TRUE, SET FALSE;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'statements of analysts can be ended by a superuser only';
END
$$;

REVOKE ALL ON SCHEMA projection, live FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA projection, live FROM PUBLIC;
REVOKE ALL ON SCHEMA analytics FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA projection, live FROM directpay_analyst;
REVOKE ALL ON ALL TABLES IN SCHEMA analytics FROM directpay_analyst;
GRANT USAGE ON SCHEMA analytics TO directpay_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO directpay_analyst;

DO $$
BEGIN
    -- Everybody may connect to a new database and make temporary tables in it.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO directpay_analyst', current_database());
    EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database());
END
$$;

DO $$
DECLARE
    writes_or_locks record;
BEGIN
    -- Everybody may make large objects and messages in the write-ahead log, which are writes, take advisory locks, which
    -- may be somebody else's, and end the sessions of others who logged in with the same role.
    FOR writes_or_locks IN
        SELECT oid::regprocedure AS signature FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (proname ~ '^pg_(try_)?advisory_' OR proname IN (
              'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_open', 'lo_unlink',
              'lo_truncate', 'lo_truncate64', 'lo_import', 'lo_export', 'pg_notify', 'pg_logical_emit_message',
              'pg_export_snapshot', 'pg_terminate_backend', 'pg_cancel_backend'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', writes_or_locks.signature);
    END LOOP;
    -- The watch ends sessions as the owner of the projections, who may be another role than the one that runs this.
    EXECUTE format(
        'GRANT EXECUTE ON FUNCTION pg_terminate_backend TO %s',
        (SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'projection')
    );
EXCEPTION WHEN insufficient_privilege THEN
    -- On a managed server the owner of the projections is no superuser: its operator has to do this.
    RAISE NOTICE 'large objects, advisory locks and ends of own sessions stay open to everybody';
END
$$;
