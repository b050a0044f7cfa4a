-- Which payments should have settled and have not?
-- asked by: an operator
-- read from: payments_in_flight: the payments that have not ended are kept apart
SELECT payment_id, payment_rail_type, status, amount, initiated_at, now() - expected_settlement_at AS overdue_for
FROM analytics.payments_in_flight
WHERE tenant_id = :'tenant' AND overdue
ORDER BY expected_settlement_at, payment_id
LIMIT 10;
