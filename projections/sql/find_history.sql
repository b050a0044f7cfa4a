-- find_history: the payment's terms with each of its transitions, oldest first.
SELECT
    event.sequence, event.event_type, event.previous_status, event.new_status, event.occurred_at,
    event.caused_by::text, event.changes, event.hash,
    payment.payment_id::text, payment.tenant_id, payment.idempotency_key, payment.fingerprint,
    payment.fingerprint_version, payment.lease_id::text, payment.payer_account_id::text,
    payment.payee_account_id::text, payment.amount_minor, payment.currency, payment.payment_rail_type,
    payment.description, payment.metadata_json, payment.effective_date, payment.refund_of::text,
    payment.initiated_at, payment.due_at, payment.expected_settlement_at, payment.created_by::text, payment.status,
    payment.failure_code, payment.failure_reason, payment.failure_source, payment.refunded_minor,
    payment.updated_at, payment.completed_at
FROM projection.payments AS payment
JOIN projection.payment_events AS event USING (payment_id)
WHERE payment.payment_id = %(payment_id)s::uuid AND payment.tenant_id = %(tenant_id)s
ORDER BY event.sequence
