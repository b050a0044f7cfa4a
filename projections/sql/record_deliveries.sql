-- record_deliveries: an attempt never changes, so that a replayed batch changes nothing.
INSERT INTO projection.webhook_deliveries (
    endpoint_id, payment_id, sequence, attempt, tenant_id, event_type, tries, attempted_at, outcome, status_code, error,
    next_attempt_at, duration_ms, replay_id
)
SELECT
    endpoint_id, payment_id, sequence, attempt, tenant_id, event_type, tries, live.at_us(attempted_at_us), outcome,
    status_code, error, live.at_us(next_attempt_at_us), duration_ms, replay_id
FROM unnest(
    %(endpoint_id)b::uuid[], %(payment_id)b::uuid[], %(sequence)b::integer[], %(attempt)b::integer[],
    %(tenant_id)b::text[], %(event_type)b::text[], %(tries)b::integer[], %(attempted_at)b::bigint[],
    %(outcome)b::text[], %(status_code)b::integer[], %(error)b::text[], %(next_attempt_at)b::bigint[],
    %(duration_ms)b::bigint[], %(replay_id)b::uuid[]
) AS delivery (
    endpoint_id, payment_id, sequence, attempt, tenant_id, event_type, tries, attempted_at_us, outcome, status_code,
    error, next_attempt_at_us, duration_ms, replay_id
)
ON CONFLICT (endpoint_id, payment_id, sequence, attempt) DO NOTHING
