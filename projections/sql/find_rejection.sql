-- find_rejection: the newest refusal to create a payment that does not exist. Only what changes a payment is told that
-- the payment is unknown, so those refusals are not about creating it.
SELECT
    refusal.command_id::text, refusal.tenant_id, refusal.payment_id::text, refusal.reason, refusal.detail,
    refusal.errors, refusal.rejected_at
FROM projection.command_outcomes AS refusal
WHERE refusal.payment_id = %(payment_id)s::uuid
    AND refusal.tenant_id = %(tenant_id)s
    AND refusal.topic IN ('payment-commands', 'rail-reports')
    AND refusal.reason <> 'payment-unknown'
    AND NOT EXISTS (SELECT FROM projection.payments AS payment WHERE payment.payment_id = refusal.payment_id)
ORDER BY refusal.rejected_at DESC
LIMIT 1
