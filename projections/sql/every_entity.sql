-- every_entity: ordered by id, by code points whatever the database's collation is.
SELECT
    known.entity_id, known.tenant_id, known.kind, known.state, known.version, known.created_by::text,
    known.changed_by::text, known.fingerprint, known.created_at, known.updated_at, known.entity::text
FROM projection.entities AS known
ORDER BY known.entity_id COLLATE "C"
