-- check_settle_times: returns no row when settle_times is what the payments say.
WITH said AS (
    SELECT tenant_id, month, payment_rail_type, settled_in_us, partition, count FROM projection.settle_times
),
took AS (
    SELECT tenant_id, date_trunc('month', completed_at AT TIME ZONE 'UTC')::date AS month, payment_rail_type, partition,
        greatest((extract(epoch FROM completed_at - greatest(
            initiated_at, effective_date::date::timestamp AT TIME ZONE 'UTC'
        )) * 1000000)::bigint, 0) AS us
    FROM projection.payments
    WHERE completed_at IS NOT NULL
),
-- What is not of the 7 highest bits is cut, as `projections.views.settle_times.rounded` has it.
cut AS (SELECT *, greatest(length(ltrim(us::bit(64)::text, '0')) - 7, 0) AS shift FROM took),
counted AS (
    SELECT tenant_id, month, payment_rail_type, (us >> shift << shift) + (1::bigint << shift >> 1) AS settled_in_us,
        partition, count(*) AS count
    FROM cut
    GROUP BY 1, 2, 3, 4, 5
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
