-- keep_expired_outcomes: refusals that are so old that the log may not have them any more are only here: they come along.
INSERT INTO projection.command_outcomes (
    outcome_key, command_id, tenant_id, payment_id, entity_id, topic, partition, "offset", record_key, reason, detail,
    errors, rejected_at, raw, raw_bytes, raw_sha256
)
SELECT
    outcome_key, command_id, tenant_id, payment_id, entity_id, topic, partition, "offset", record_key, reason, detail,
    errors, rejected_at, raw, raw_bytes, raw_sha256
FROM live.command_outcomes
WHERE rejected_at < clock_timestamp() - %(kept_ms)s * interval '1 millisecond'
ON CONFLICT (outcome_key) DO NOTHING
