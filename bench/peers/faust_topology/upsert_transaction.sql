-- upsert_transaction: the last event of a payment comes last, as they are in one partition
INSERT INTO transactions (
    id, idempotency_key, lease_id, payer_account_id, payee_account_id, amount, payment_rail_type, status,
    initiated_at, updated_at
) VALUES (
    %(payment_id)s, %(idempotency_key)s, %(lease_id)s, %(payer_account_id)s, %(payee_account_id)s, %(amount)s,
    %(payment_rail_type)s, %(new_status)s, %(timestamp)s, %(timestamp)s
)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at
