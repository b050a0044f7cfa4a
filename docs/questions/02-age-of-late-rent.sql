-- How old is the rent that is late?
-- asked by: a landlord or a property manager
-- read from: lease_standing, a rollup
SELECT
    CASE WHEN days <= 30 THEN '1 to 30 days' WHEN days <= 60 THEN '31 to 60' WHEN days <= 90 THEN '61 to 90' ELSE 'over 90' END
        AS late_for,
    count(*) AS leases,
    sum(late_amount) AS late_amount
FROM (
    SELECT (now() AT TIME ZONE 'UTC')::date - late_since AS days, late_amount
    FROM analytics.lease_standing
    WHERE tenant_id = :'tenant' AND late
) AS late
GROUP BY late_for
ORDER BY min(days);
