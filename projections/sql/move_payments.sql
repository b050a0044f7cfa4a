-- move_payments: rows of payments that are there move forward to a later sequence.
UPDATE projection.payments AS payment SET
    sequence = step.sequence,
    status = step.status,
    attempt = step.attempt,
    failure_code = step.failure_code,
    failure_reason = step.failure_reason,
    failure_source = step.failure_source,
    refunded_minor = step.refunded_minor,
    updated_at = live.at_us(step.updated_at_us),
    completed_at = live.at_us(step.completed_at_us)
FROM unnest(
    %(payment_id)b::uuid[], %(sequence)b::integer[], %(status)b::text[], %(attempt)b::integer[],
    %(failure_code)b::text[], %(failure_reason)b::text[], %(failure_source)b::text[], %(refunded_minor)b::bigint[],
    %(updated_at_us)b::bigint[], %(completed_at_us)b::bigint[]
) AS step (
    payment_id, sequence, status, attempt, failure_code, failure_reason, failure_source, refunded_minor,
    updated_at_us, completed_at_us
)
WHERE payment.payment_id = step.payment_id AND payment.sequence < step.sequence
