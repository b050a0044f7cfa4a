-- record_outcome: the newest refusal of a command stands, in whatever order refusals arrive.
INSERT INTO projection.command_outcomes AS outcome (
    outcome_key, command_id, tenant_id, payment_id, entity_id, topic, partition, "offset", record_key, reason, detail,
    errors, rejected_at, raw, raw_bytes, raw_sha256
) VALUES (
    %(outcome_key)s, %(command_id)s, %(tenant_id)s, %(payment_id)s, %(entity_id)s, %(topic)s, %(partition)s,
    %(offset)s, %(record_key)s, %(reason)s, %(detail)s, %(errors)s, live.at_us(%(rejected_at_us)s), %(raw)s,
    %(raw_bytes)s, %(raw_sha256)s
)
ON CONFLICT (outcome_key) DO UPDATE SET
    tenant_id = excluded.tenant_id,
    payment_id = excluded.payment_id,
    entity_id = excluded.entity_id,
    topic = excluded.topic,
    partition = excluded.partition,
    "offset" = excluded."offset",
    record_key = excluded.record_key,
    reason = excluded.reason,
    detail = excluded.detail,
    errors = excluded.errors,
    rejected_at = excluded.rejected_at,
    raw = excluded.raw,
    raw_bytes = excluded.raw_bytes,
    raw_sha256 = excluded.raw_sha256
WHERE (outcome.rejected_at, outcome.topic, outcome.partition, outcome."offset")
    < (excluded.rejected_at, excluded.topic, excluded.partition, excluded."offset")
