-- check_open_payments: returns no row when open_payments has exactly the payments that have not ended.
SELECT open.payment_id AS said, payment.payment_id AS counted
FROM projection.open_payments AS open
FULL JOIN (
    SELECT payment_id FROM projection.payments WHERE status IN ('pending', 'processing')
) AS payment USING (payment_id)
WHERE open.payment_id IS NULL OR payment.payment_id IS NULL
