-- count_daily_failures
INSERT INTO projection.daily_failures AS known (
    tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency, partition, count,
    amount_minor
)
SELECT * FROM unnest(
    %(tenant_id)s::text[], %(day)s::date[], %(payment_rail_type)s::text[], %(event_type)s::text[],
    %(failure_code)s::text[], %(days_after_completion)s::integer[], %(currency)s::text[], %(partition)s::integer[],
    %(count)s::bigint[], %(amount_minor)s::bigint[]
)
ON CONFLICT (
    tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency, partition
) DO UPDATE SET
    count = known.count + excluded.count,
    amount_minor = known.amount_minor + excluded.amount_minor
