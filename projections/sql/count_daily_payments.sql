-- count_daily_payments
INSERT INTO projection.daily_payments AS known (
    tenant_id, day, payment_rail_type, status, currency, partition, count, amount_minor
)
SELECT * FROM unnest(
    %(tenant_id)s::text[], %(day)s::date[], %(payment_rail_type)s::text[], %(status)s::text[], %(currency)s::text[],
    %(partition)s::integer[], %(count)s::bigint[], %(amount_minor)s::bigint[]
)
ON CONFLICT (tenant_id, day, payment_rail_type, status, currency, partition) DO UPDATE SET
    count = known.count + excluded.count,
    amount_minor = known.amount_minor + excluded.amount_minor
