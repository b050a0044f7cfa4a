-- list_payments: a tenant's payments, newest first, from behind the cursor on.
SELECT
    payment.payment_id::text, payment.tenant_id, payment.idempotency_key, payment.fingerprint,
    payment.fingerprint_version, payment.lease_id::text, payment.payer_account_id::text,
    payment.payee_account_id::text, payment.amount_minor, payment.currency, payment.payment_rail_type,
    payment.description, payment.metadata_json, payment.effective_date, payment.refund_of::text,
    payment.initiated_at, payment.due_at, payment.expected_settlement_at, payment.created_by::text, payment.status,
    payment.failure_code, payment.failure_reason, payment.failure_source, payment.refunded_minor,
    payment.updated_at, payment.completed_at
FROM projection.payments AS payment
WHERE payment.tenant_id = %(tenant_id)s
    AND payment.payment_id = %(payment_id)s::uuid -- only with: payment_id
    AND payment.status = %(status)s -- only with: status
    AND payment.lease_id = %(lease_id)s::uuid -- only with: lease_id
    AND payment.payer_account_id = %(payer_account_id)s::uuid -- only with: payer_account_id
    AND payment.payment_rail_type = %(payment_rail_type)s -- only with: payment_rail_type
    AND payment.initiated_at >= %(from)s -- only with: from
    AND payment.initiated_at < %(to)s -- only with: to
    AND (payment.initiated_at, payment.payment_id) < (%(cursor_at)s, %(cursor_id)s::uuid) -- only with: cursor_id
ORDER BY payment.initiated_at DESC, payment.payment_id DESC
LIMIT %(limit)s
