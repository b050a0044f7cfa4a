-- count_daily_failures
INSERT INTO projection.daily_failures AS known (
    tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency, partition, count,
    amount_minor
)
SELECT * FROM unnest(
    %(tenant_id)b::text[], %(day)b::date[], %(payment_rail_type)b::text[], %(event_type)b::text[],
    %(failure_code)b::text[], %(days_after_completion)b::integer[], %(currency)b::text[], %(partition)b::integer[],
    %(count)b::bigint[], %(amount_minor)b::bigint[]
)
ON CONFLICT (
    tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency, partition
) DO UPDATE SET
    count = known.count + excluded.count,
    amount_minor = known.amount_minor + excluded.amount_minor
