-- list_entities: a tenant's entities of one kind, newest first, from behind the cursor on.
SELECT
    known.entity_id, known.tenant_id, known.kind, known.state, known.created_by::text, known.created_at,
    known.updated_at, known.entity
FROM projection.entities AS known
WHERE known.tenant_id = %(tenant_id)s
    AND known.kind = %(kind)s
    AND known.state = %(state)s -- only with: state
    AND (known.created_at, known.entity_id) < (%(cursor_at)s, %(cursor_id)s) -- only with: cursor_id
ORDER BY known.created_at DESC, known.entity_id DESC
LIMIT %(limit)s
