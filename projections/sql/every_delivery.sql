-- every_delivery: ordered by its key, by code points whatever the database's collation is.
SELECT
    delivery.endpoint_id || '/' || delivery.payment_id || '/' || delivery.sequence || '/' || delivery.attempt
        AS delivery_key,
    delivery.endpoint_id::text, delivery.payment_id::text, delivery.sequence, delivery.attempt, delivery.tenant_id,
    delivery.event_type, delivery.tries, delivery.attempted_at, delivery.outcome, delivery.status_code, delivery.error,
    delivery.next_attempt_at, delivery.duration_ms, delivery.replay_id::text
FROM projection.webhook_deliveries AS delivery
ORDER BY delivery_key COLLATE "C"
