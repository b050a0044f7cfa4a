-- every_outcome: ordered by its key, by code points whatever the database's collation is.
SELECT
    outcome.outcome_key, outcome.command_id::text, outcome.tenant_id, outcome.payment_id::text, outcome.entity_id,
    outcome.topic, outcome.partition, outcome."offset", outcome.record_key, outcome.reason, outcome.detail,
    outcome.errors::text, outcome.rejected_at, outcome.raw, outcome.raw_bytes, outcome.raw_sha256
FROM projection.command_outcomes AS outcome
ORDER BY outcome.outcome_key COLLATE "C"
