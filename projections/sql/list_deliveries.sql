-- list_deliveries: the attempts of a tenant's endpoint, newest first, from behind the cursor on.
SELECT
    delivery.payment_id::text, delivery.sequence, delivery.event_type, delivery.attempt, delivery.attempted_at,
    delivery.outcome, delivery.status_code, delivery.error, delivery.next_attempt_at, delivery.duration_ms,
    delivery.replay_id::text
FROM projection.webhook_deliveries AS delivery
WHERE delivery.endpoint_id = %(endpoint_id)s::uuid
    AND delivery.tenant_id = %(tenant_id)s
    AND delivery.outcome = %(outcome)s -- only with: outcome
    AND (delivery.attempted_at, delivery.payment_id, delivery.sequence, delivery.attempt) < (%(cursor_at)s, %(cursor_payment)s::uuid, %(cursor_sequence)s, %(cursor_attempt)s) -- only with: cursor_at
ORDER BY delivery.attempted_at DESC, delivery.payment_id DESC, delivery.sequence DESC, delivery.attempt DESC
LIMIT %(limit)s
