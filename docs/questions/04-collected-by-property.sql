-- What did each of a landlord's properties collect, month by month?
-- asked by: a landlord
-- read from: payments, by the index on their lease
SELECT date_trunc('month', payment.completed_at)::date AS month, property.address, sum(payment.amount - payment.refunded_amount) AS collected
FROM analytics.properties AS property
JOIN analytics.lease_standing AS lease USING (tenant_id, property_id)
JOIN analytics.payments AS payment USING (tenant_id, lease_id)
WHERE tenant_id = :'tenant' AND property.owner_id = :'landlord' AND payment.status = 'completed' AND payment.refund_of IS NULL
GROUP BY month, property.address
ORDER BY month DESC, collected DESC
LIMIT 10;
