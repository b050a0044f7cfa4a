-- add_account_balances
INSERT INTO projection.account_balances AS balance (
    tenant_id, account, currency, partition, debits_minor, credits_minor
)
SELECT * FROM unnest(
    %(tenant_id)b::text[], %(account)b::text[], %(currency)b::text[], %(partition)b::integer[],
    %(debits_minor)b::bigint[], %(credits_minor)b::bigint[]
)
ON CONFLICT (tenant_id, account, currency, partition) DO UPDATE SET
    debits_minor = balance.debits_minor + excluded.debits_minor,
    credits_minor = balance.credits_minor + excluded.credits_minor
