-- end_long_statements: end the sessions of a role whose statement, pause in a transaction or transaction is too old.
SELECT
    pid, pg_terminate_backend(pid), state, extract(epoch FROM clock_timestamp() - query_start)::float8 AS statement_s,
    extract(epoch FROM clock_timestamp() - xact_start)::float8 AS transaction_s
FROM pg_stat_activity
WHERE usename = %(role)s
    -- Workers of a parallel query end with their leader.
    AND backend_type = 'client backend'
    AND (
        (state NOT LIKE 'idle%%' AND clock_timestamp() - query_start > %(statement_s)s * interval '1 second')
        OR (state LIKE 'idle in transaction%%' AND clock_timestamp() - state_change > %(idle_s)s * interval '1 second')
        OR clock_timestamp() - xact_start > %(transaction_s)s * interval '1 second'
    )
