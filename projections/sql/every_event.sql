-- every_event: with the columns of `copy_events`, ordered by payment and sequence.
SELECT
    event.payment_id::text, event.sequence, event.tenant_id, event.event_type, event.previous_status, event.new_status,
    event.occurred_at, event.caused_by::text, event.changes::text, event.hash
FROM projection.payment_events AS event
ORDER BY event.payment_id, event.sequence
