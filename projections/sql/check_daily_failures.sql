-- check_daily_failures: returns no row when daily_failures is what the payments' events say.
WITH said AS (
    SELECT tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency, partition,
        count, amount_minor
    FROM projection.daily_failures
),
counted AS (
    SELECT event.tenant_id, (event.occurred_at AT TIME ZONE 'UTC')::date AS day, payment.payment_rail_type,
        event.event_type, coalesce(event.changes ->> 'failure_code', '') AS failure_code,
        CASE WHEN event.event_type = 'payment_returned'
            THEN (event.occurred_at AT TIME ZONE 'UTC')::date - (payment.completed_at AT TIME ZONE 'UTC')::date
            ELSE -1
        END AS days_after_completion,
        payment.currency, payment.partition, count(*) AS count, sum(payment.amount_minor)::bigint AS amount_minor
    FROM projection.payment_events AS event JOIN projection.payments AS payment USING (payment_id)
    WHERE event.event_type IN ('payment_failed', 'payment_returned')
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
