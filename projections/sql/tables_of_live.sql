-- tables_of_live: the tables that a rebuild makes anew, with what each is a partition of and its storage parameters.
SELECT leaf.relname::text, parent.relname::text, leaf.reloptions
FROM pg_catalog.pg_inherits
JOIN pg_catalog.pg_class AS leaf ON leaf.oid = inhrelid
JOIN pg_catalog.pg_class AS parent ON parent.oid = inhparent
WHERE leaf.relkind = 'r' AND leaf.relnamespace = 'projection'::regnamespace
    AND parent.relnamespace = 'live'::regnamespace
ORDER BY leaf.relname
