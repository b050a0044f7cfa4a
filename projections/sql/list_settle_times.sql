-- list_settle_times: how long a tenant's payments took, by the month in which they completed and rail. From the
-- analysts' view, so that what a percentile is is said in one place; it reads the tenant's months only.
SELECT month, payment_rail_type, count, p50_s, p95_s
FROM analytics.settle_times
WHERE tenant_id = %(tenant_id)s AND month BETWEEN %(first_month)s AND %(last)s
ORDER BY month DESC, payment_rail_type
