-- How much money moved each month, on which rails?
-- asked by: finance
-- read from: daily_volume, a rollup
SELECT date_trunc('month', day)::date AS month, payment_rail_type, sum(count) AS payments, sum(amount) AS amount
FROM analytics.daily_volume
WHERE tenant_id = :'tenant' AND status = 'completed' AND day >= (now() AT TIME ZONE 'UTC')::date - 365
GROUP BY month, payment_rail_type
ORDER BY month DESC, amount DESC;
