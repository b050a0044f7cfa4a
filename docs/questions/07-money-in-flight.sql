-- How much money is in flight now, on which rails, and since when?
-- asked by: finance
-- read from: payments_in_flight: the payments that have not ended are kept apart
SELECT payment_rail_type, status, count(*) AS payments, sum(amount) AS amount, min(initiated_at) AS oldest
FROM analytics.payments_in_flight
WHERE tenant_id = :'tenant'
GROUP BY payment_rail_type, status
ORDER BY amount DESC;
