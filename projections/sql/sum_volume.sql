-- sum_volume: a tenant's payments by the period in which they were asked for, rail and present status: what the view
-- daily_volume says, summed by period. From the table, whose key has the tenant's days together.
SELECT
    date_trunc(%(bucket)s, volume.day::timestamp)::date, volume.payment_rail_type, volume.status,
    sum(volume.count)::bigint, sum(volume.amount_minor)::bigint
FROM projection.daily_payments AS volume
WHERE volume.tenant_id = %(tenant_id)s
    AND volume.currency = %(currency)s
    AND volume.day BETWEEN %(first)s AND %(last)s
    -- Statuses that payments passed through and none is in now.
    AND volume.count > 0
GROUP BY 1, 2, 3
ORDER BY 2, 3, 1
