-- move_payments: a row only moves forward by its sequence; a replayed or older snapshot changes nothing.
-- Returns the payments that moved and where each stood before (NULL: it is new). Those that have not ended are kept
-- apart as well; one that is new and has ended is never among them.
WITH moved AS (
    INSERT INTO projection.payments AS payment (
        payment_id, partition, sequence, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id,
        payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json,
        effective_date, refund_of, initiated_at, due_at, expected_settlement_at, created_by, status, attempt,
        failure_code, failure_reason, failure_source, refunded_minor, updated_at, completed_at
    )
    SELECT
        payment_id, partition, sequence, tenant_id, idempotency_key, fingerprint, fingerprint_version, lease_id,
        payer_account_id, payee_account_id, amount_minor, currency, payment_rail_type, description, metadata_json,
        effective_date, refund_of, live.at_us(initiated_at_us), live.at_us(due_at_us),
        live.at_us(expected_settlement_at_us), created_by, status, attempt,
        failure_code, failure_reason, failure_source, refunded_minor,
        live.at_us(updated_at_us), live.at_us(completed_at_us)
    FROM pg_temp.incoming_payments
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
    RETURNING
        new.payment_id, old.sequence, old.status AS old_status, old.refunded_minor, new.status, new.tenant_id,
        new.payment_rail_type, new.currency, new.amount_minor, new.initiated_at, new.expected_settlement_at
),
opened AS (
    INSERT INTO projection.open_payments AS known (
        payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at, expected_settlement_at
    )
    SELECT
        payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at, expected_settlement_at
    FROM moved
    WHERE status IN ('pending', 'processing')
    ON CONFLICT (payment_id) DO UPDATE SET status = excluded.status
),
ended AS (
    DELETE FROM projection.open_payments AS known USING moved
    WHERE known.payment_id = moved.payment_id AND moved.sequence IS NOT NULL
        AND moved.status NOT IN ('pending', 'processing')
)
SELECT payment_id::text, sequence, old_status, refunded_minor FROM moved
