-- move_balance
INSERT INTO projection.account_balances AS balance (
    partition, tenant_id, account, currency, debits_minor, credits_minor
) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, account, currency, partition) DO UPDATE SET
    debits_minor = balance.debits_minor + excluded.debits_minor,
    credits_minor = balance.credits_minor + excluded.credits_minor
