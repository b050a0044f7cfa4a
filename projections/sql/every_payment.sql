-- every_payment: with the columns of `copy_payments`, ordered by id as text, which is the order of uuids.
SELECT
    payment.payment_id::text, payment.partition, payment.sequence, payment.tenant_id, payment.idempotency_key,
    payment.fingerprint, payment.fingerprint_version, payment.lease_id::text, payment.payer_account_id::text,
    payment.payee_account_id::text, payment.amount_minor, payment.currency, payment.payment_rail_type,
    payment.description, payment.metadata_json, payment.effective_date, payment.refund_of::text, payment.initiated_at,
    payment.due_at, payment.expected_settlement_at, payment.created_by::text, payment.status, payment.attempt,
    payment.failure_code, payment.failure_reason, payment.failure_source, payment.refunded_minor, payment.updated_at,
    payment.completed_at
FROM projection.payments AS payment
ORDER BY payment.payment_id
