-- count_settle_times
INSERT INTO projection.settle_times AS known (
    tenant_id, month, payment_rail_type, settled_in_us, partition, count
)
SELECT * FROM unnest(
    %(tenant_id)s::text[], %(month)s::date[], %(payment_rail_type)s::text[], %(settled_in_us)s::bigint[],
    %(partition)s::integer[], %(count)s::bigint[]
)
ON CONFLICT (tenant_id, month, payment_rail_type, settled_in_us, partition) DO UPDATE SET
    count = known.count + excluded.count
