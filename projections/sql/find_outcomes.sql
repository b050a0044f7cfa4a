-- find_outcomes: for each command that is waited for, the payment that shows its effect and the refusal, if any.
-- A command that creates is done when the payment is there; a cancel when a transition names it as its cause.
SELECT
    wait.command_id::text,
    payment.payment_id IS NOT NULL AS is_done,
    refusal.outcome_key IS NOT NULL AS is_refused,
    payment.payment_id::text, payment.tenant_id, payment.idempotency_key, payment.fingerprint,
    payment.fingerprint_version, payment.lease_id::text, payment.payer_account_id::text,
    payment.payee_account_id::text, payment.amount_minor, payment.currency, payment.payment_rail_type,
    payment.description, payment.metadata_json, payment.effective_date, payment.refund_of::text,
    payment.initiated_at, payment.due_at, payment.expected_settlement_at, payment.created_by::text, payment.status,
    payment.failure_code, payment.failure_reason, payment.failure_source, payment.refunded_minor,
    payment.updated_at, payment.completed_at,
    refusal.command_id::text, refusal.tenant_id, refusal.payment_id::text, refusal.reason, refusal.detail,
    refusal.errors, refusal.rejected_at
FROM unnest(%(payment_ids)b::uuid[], %(command_ids)b::uuid[], %(kinds)b::text[]) AS wait (payment_id, command_id, kind)
LEFT JOIN projection.payments AS payment
    ON payment.payment_id = wait.payment_id
    AND (
        wait.kind = 'initiate'
        -- With EXISTS all events of all payments would be read for a few waits, while the table is young.
        OR (
            SELECT TRUE
            FROM projection.payment_events AS event
            WHERE event.payment_id = wait.payment_id AND event.caused_by = wait.command_id
            LIMIT 1
        )
    )
LEFT JOIN projection.command_outcomes AS refusal ON refusal.outcome_key = wait.command_id::text
WHERE payment.payment_id IS NOT NULL OR refusal.outcome_key IS NOT NULL
