-- keys_and_indexes_of_live: of each live table; a key by its constraint, any other index by the statement that made it.
SELECT
    leaf.relname::text, index.relname::text, pg_catalog.pg_get_constraintdef(key.oid),
    pg_catalog.pg_get_indexdef(index.oid)
FROM pg_catalog.pg_index
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = indrelid
JOIN pg_catalog.pg_class AS index ON index.oid = indexrelid
LEFT JOIN pg_catalog.pg_constraint AS key ON key.conindid = index.oid AND key.contype IN ('p', 'u', 'x')
WHERE leaf.relnamespace = 'projection'::regnamespace AND leaf.relispartition
ORDER BY leaf.relname, key.oid IS NULL, index.relname
