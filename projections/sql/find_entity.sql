-- find_entity
SELECT
    known.entity_id, known.tenant_id, known.kind, known.state, known.created_by::text, known.created_at,
    known.updated_at, known.entity
FROM projection.entities AS known
WHERE known.entity_id = %(entity_id)s AND known.tenant_id = %(tenant_id)s AND known.kind = %(kind)s
