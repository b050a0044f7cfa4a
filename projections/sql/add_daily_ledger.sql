-- add_daily_ledger
INSERT INTO projection.daily_ledger AS known (
    tenant_id, day, account, currency, partition, debits_minor, credits_minor
)
SELECT * FROM unnest(
    %(tenant_id)b::text[], %(day)b::date[], %(account)b::text[], %(currency)b::text[], %(partition)b::integer[],
    %(debits_minor)b::bigint[], %(credits_minor)b::bigint[]
)
ON CONFLICT (tenant_id, day, account, currency, partition) DO UPDATE SET
    debits_minor = known.debits_minor + excluded.debits_minor,
    credits_minor = known.credits_minor + excluded.credits_minor
