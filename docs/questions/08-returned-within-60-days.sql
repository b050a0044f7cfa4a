-- Of the money that arrived each month, how much was returned within 60 days?
-- asked by: finance
-- read from: daily_failures and settle_times, rollups
WITH returned AS (
    SELECT date_trunc('month', day - days_after_completion)::date AS month, payment_rail_type, sum(count) AS returned,
        sum(amount) AS amount
    FROM analytics.daily_failures
    WHERE tenant_id = :'tenant' AND event_type = 'payment_returned' AND days_after_completion <= 60
    GROUP BY 1, 2
)
SELECT month, payment_rail_type, settled.count AS completed, coalesce(returned, 0) AS returned,
    round(100 * coalesce(returned, 0) / settled.count, 2) AS percent, coalesce(amount, 0) AS amount_returned
FROM analytics.settle_times AS settled LEFT JOIN returned USING (month, payment_rail_type)
WHERE tenant_id = :'tenant'
ORDER BY month DESC, payment_rail_type;
