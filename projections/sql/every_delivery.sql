-- every_delivery: ordered by its key, by code points whatever the database's collation is.
SELECT *
FROM (
    SELECT
        endpoint_id || '/' || payment_id || '/' || sequence || '/' || attempt AS delivery_key,
        endpoint_id::text, payment_id::text, sequence, attempt, tenant_id, event_type, tries, attempted_at, outcome,
        status_code, error, next_attempt_at, duration_ms, replay_id::text
    FROM projection.webhook_deliveries
) AS delivery
ORDER BY delivery_key COLLATE "C"
