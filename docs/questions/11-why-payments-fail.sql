-- Why do payments fail, and which reasons have become more frequent?
-- asked by: an operator
-- read from: daily_failures, a rollup
SELECT payment_rail_type, failure_code,
    coalesce(sum(count) FILTER (WHERE day > (now() AT TIME ZONE 'UTC')::date - 30), 0) AS last_30_days,
    coalesce(sum(count) FILTER (WHERE day <= (now() AT TIME ZONE 'UTC')::date - 30), 0) AS the_30_before
FROM analytics.daily_failures
WHERE tenant_id = :'tenant' AND day > (now() AT TIME ZONE 'UTC')::date - 60
GROUP BY payment_rail_type, failure_code
ORDER BY last_30_days DESC, the_30_before DESC, payment_rail_type, failure_code
LIMIT 15;
