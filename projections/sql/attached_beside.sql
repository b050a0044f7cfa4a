-- attached_beside: the tables of a schema that the views know, and which of them are half detached.
SELECT parent.relname::text, leaf.relname::text, inhdetachpending
FROM pg_catalog.pg_inherits
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = inhrelid
JOIN pg_catalog.pg_class AS parent ON parent.oid = inhparent
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = leaf.relnamespace
WHERE leaf.relkind = 'r' AND schema.nspname = %(schema)s AND parent.relnamespace = 'live'::regnamespace
ORDER BY inhdetachpending DESC, leaf.relname
