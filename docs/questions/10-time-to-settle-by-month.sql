-- How long does each rail take to settle, and is it getting slower?
-- asked by: an operator
-- read from: settle_times, a rollup; percentiles within 0.8 % of the true ones
SELECT month, payment_rail_type, count, p50_s, p95_s
FROM analytics.settle_times
WHERE tenant_id = :'tenant' AND month >= (now() AT TIME ZONE 'UTC')::date - 200
ORDER BY payment_rail_type, month DESC;
