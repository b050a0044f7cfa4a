-- incoming_tables: where a batch is copied to before it meets the projected tables; empty again after each commit.
-- Times are microseconds, as the log has them.
CREATE TEMP TABLE IF NOT EXISTS incoming_payments (
    payment_id uuid, partition integer, sequence integer, tenant_id text, idempotency_key text, fingerprint bytea,
    fingerprint_version integer, lease_id uuid, payer_account_id uuid, payee_account_id uuid, amount_minor bigint,
    currency text, payment_rail_type text, description text, metadata_json text, effective_date text, refund_of uuid,
    initiated_at_us bigint, due_at_us bigint, expected_settlement_at_us bigint, created_by uuid, status text,
    attempt integer, failure_code text, failure_reason text, failure_source text, refunded_minor bigint,
    updated_at_us bigint, completed_at_us bigint
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS incoming_events (
    payment_id uuid, sequence integer, tenant_id text, event_type text, previous_status text, new_status text,
    occurred_at_us bigint, caused_by uuid, changes jsonb, hash bytea
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS incoming_entries (
    payment_id uuid, sequence integer, line integer, partition integer, tenant_id text, account text, direction text,
    amount_minor bigint, currency text, occurred_at_us bigint
) ON COMMIT DELETE ROWS;
