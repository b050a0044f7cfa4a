-- grants_of_live: what others than the owner may do with the live tables (the schema is the row without a table).
SELECT
    owned.table_name, acl.privilege_type, pg_catalog.pg_get_userbyid(nullif(acl.grantee, 0))::text, -- NULL: everybody
    acl.is_grantable
FROM (
    SELECT relname::text AS table_name, relowner AS owner, relacl AS acl FROM pg_catalog.pg_class
    WHERE relnamespace = 'projection'::regnamespace AND relispartition
    UNION ALL
    SELECT NULL, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname = 'projection'
) AS owned
CROSS JOIN LATERAL pg_catalog.aclexplode(owned.acl) AS acl
WHERE acl.grantee <> owned.owner
