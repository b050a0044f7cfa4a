-- move_entity: a row only moves forward by its version.
INSERT INTO projection.entities AS known (
    entity_id, tenant_id, kind, state, version, created_by, changed_by, fingerprint, created_at, updated_at, entity
) VALUES (
    %(entity_id)s, %(tenant_id)s, %(kind)s, %(state)s, %(version)s, %(created_by)s, %(changed_by)s, %(fingerprint)s,
    live.at_us(%(created_at_us)s), live.at_us(%(updated_at_us)s), %(entity)s
)
ON CONFLICT (entity_id) DO UPDATE SET
    state = excluded.state,
    version = excluded.version,
    changed_by = excluded.changed_by,
    updated_at = excluded.updated_at,
    entity = excluded.entity
WHERE known.version < excluded.version
