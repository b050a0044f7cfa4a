-- move_open_payments: payments that moved and have not ended.
UPDATE projection.open_payments AS known SET status = step.status
FROM unnest(%(payment_id)b::uuid[], %(status)b::text[]) AS step (payment_id, status)
WHERE known.payment_id = step.payment_id
