-- role_stands: all that a role may do here and its settings, as one text; it changes when any of it is changed.
SELECT concat_ws(
    E'\n',
    (SELECT role::text FROM pg_roles AS role WHERE rolname = %(role)s),
    (
        SELECT string_agg(setdatabase || ' ' || setconfig::text, E'\n' ORDER BY setdatabase)
        FROM pg_db_role_setting WHERE setrole = %(role)s::regrole
    ),
    (SELECT string_agg(roleid || ' ' || member, E'\n' ORDER BY roleid, member) FROM pg_auth_members
        WHERE member = %(role)s::regrole),
    (SELECT datacl::text FROM pg_database WHERE datname = current_database()),
    (SELECT string_agg(nspname || nspacl::text, E'\n' ORDER BY nspname) FROM pg_namespace),
    (
        SELECT string_agg(oid::regclass || ' ' || relacl::text, E'\n' ORDER BY oid::regclass::text)
        FROM pg_class WHERE relnamespace = 'analytics'::regnamespace
    )
)
