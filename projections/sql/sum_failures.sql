-- sum_failures: why a tenant's payments failed or were returned in these days, the commonest reason first.
SELECT
    failure.event_type, nullif(failure.failure_code, ''), sum(failure.count)::bigint,
    sum(failure.amount_minor)::bigint
FROM projection.daily_failures AS failure
WHERE failure.tenant_id = %(tenant_id)s
    AND failure.currency = %(currency)s
    AND failure.day BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT %(limit)s
