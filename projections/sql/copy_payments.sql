-- copy_payments: payments that are new. One that is there already ends the batch: find_stood has said that it is not.
COPY projection.payments (
    payment_id, partition, sequence, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id,
    payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json,
    effective_date, refund_of, initiated_at, due_at, expected_settlement_at, created_by, status, attempt, failure_code,
    failure_reason, failure_source, refunded_minor, updated_at, completed_at
) FROM STDIN
