-- What part of the payments failed or was returned, by rail and week?
-- asked by: an operator
-- read from: daily_volume, a rollup
SELECT date_trunc('week', day)::date AS week, payment_rail_type, sum(count) AS ended,
    round(100 * coalesce(sum(count) FILTER (WHERE status IN ('failed', 'returned')), 0) / sum(count), 2) AS percent_failed
FROM analytics.daily_volume
WHERE tenant_id = :'tenant' AND status IN ('completed', 'refunded', 'failed', 'returned')
    AND day >= (now() AT TIME ZONE 'UTC')::date - 90
GROUP BY week, payment_rail_type
ORDER BY week DESC, payment_rail_type;
