-- Which properties have late rent, how much, and since when?
-- asked by: a landlord or a property manager
-- read from: lease_standing, a rollup: what each lease was paid is kept as payments come
SELECT property.address, late.leases, late.late_amount, late.late_since
FROM (
    SELECT property_id, count(*) AS leases, sum(late_amount) AS late_amount, min(late_since) AS late_since
    FROM analytics.lease_standing
    WHERE tenant_id = :'tenant' AND late
    GROUP BY property_id
    ORDER BY late_amount DESC, property_id
    LIMIT 10
) AS late
LEFT JOIN analytics.properties AS property USING (property_id)
ORDER BY late.late_amount DESC, late.property_id;
