-- count_daily_payments
INSERT INTO projection.daily_payments AS known (
    tenant_id, day, payment_rail_type, status, currency, partition, count, amount_minor
)
SELECT * FROM unnest(
    %(tenant_id)b::text[], %(day)b::date[], %(payment_rail_type)b::text[], %(status)b::text[], %(currency)b::text[],
    %(partition)b::integer[], %(count)b::bigint[], %(amount_minor)b::bigint[]
)
ON CONFLICT (tenant_id, day, payment_rail_type, status, currency, partition) DO UPDATE SET
    count = known.count + excluded.count,
    amount_minor = known.amount_minor + excluded.amount_minor
