-- check_daily_payments: returns no row when daily_payments is what the payments say. Rows of 0 are of statuses passed.
WITH said AS (
    SELECT tenant_id, day, payment_rail_type, status, currency, partition, count, amount_minor
    FROM projection.daily_payments
    WHERE count <> 0 OR amount_minor <> 0
),
counted AS (
    SELECT tenant_id, (initiated_at AT TIME ZONE 'UTC')::date AS day, payment_rail_type, status, currency, partition,
        count(*) AS count, sum(amount_minor)::bigint AS amount_minor
    FROM projection.payments
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
