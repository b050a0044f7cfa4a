-- find_stood: where payments stand before a batch moves them. Who asks holds their partitions' positions.
SELECT payment_id::text, sequence, status, refunded_minor
FROM projection.payments
WHERE payment_id = ANY (%(payment_id)b::uuid[])
