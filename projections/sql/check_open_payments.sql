-- check_open_payments: returns no row when open_payments has exactly the payments that have not ended.
WITH said AS (
    SELECT payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at,
        expected_settlement_at
    FROM projection.open_payments
),
counted AS (
    SELECT payment_id, tenant_id, status, payment_rail_type, currency, amount_minor, initiated_at,
        expected_settlement_at
    FROM projection.payments
    WHERE status IN ('pending', 'processing')
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
