-- count_settle_times
INSERT INTO projection.settle_times AS known (
    tenant_id, month, payment_rail_type, settled_in_us, partition, count
)
SELECT * FROM unnest(
    %(tenant_id)b::text[], %(month)b::date[], %(payment_rail_type)b::text[], %(settled_in_us)b::bigint[],
    %(partition)b::integer[], %(count)b::bigint[]
)
ON CONFLICT (tenant_id, month, payment_rail_type, settled_in_us, partition) DO UPDATE SET
    count = known.count + excluded.count
