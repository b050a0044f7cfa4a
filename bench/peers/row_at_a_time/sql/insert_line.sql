-- insert_line
INSERT INTO projection.ledger_entries (
    payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency, occurred_at
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, live.at_us(%s))
ON CONFLICT (payment_id, sequence, line) DO NOTHING
