-- upsert_payment
INSERT INTO projection.payments AS payment (
    payment_id, partition, sequence, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id,
    payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json,
    effective_date, refund_of, initiated_at, due_at, expected_settlement_at, created_by, status, attempt,
    failure_code, failure_reason, failure_source, refunded_minor, updated_at, completed_at
) VALUES (
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, live.at_us(%s), live.at_us(%s), live.at_us(%s),
    %s, %s, %s, %s, %s, %s, %s, live.at_us(%s), live.at_us(%s)
)
ON CONFLICT (payment_id, generation) DO UPDATE SET
    sequence = excluded.sequence,
    status = excluded.status,
    attempt = excluded.attempt,
    failure_code = excluded.failure_code,
    failure_reason = excluded.failure_reason,
    failure_source = excluded.failure_source,
    refunded_minor = excluded.refunded_minor,
    updated_at = excluded.updated_at,
    completed_at = excluded.completed_at
WHERE payment.sequence < excluded.sequence
