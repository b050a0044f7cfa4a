-- tables_beside: what is there besides the live tables, and whether a transaction that began before they were replaced
-- may still read them. The oldest first.
SELECT
    generation, schema_name::text,
    replaced_in IS NOT NULL AND EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity
        WHERE backend_xmin IS NOT NULL AND datname = current_database() AND age(backend_xmin) >= age(replaced_in::xid)
    ) AS may_be_read
FROM live.beside
ORDER BY generation
