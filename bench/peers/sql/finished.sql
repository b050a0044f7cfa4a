-- finished
SELECT count(*) FROM transactions WHERE status IN ('completed', 'failed') AND idempotency_key LIKE %(keys)s
