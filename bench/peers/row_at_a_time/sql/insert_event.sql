-- insert_event
INSERT INTO projection.payment_events (
    payment_id, sequence, tenant_id, event_type, previous_status, new_status, occurred_at, caused_by, changes, hash
) VALUES (%s, %s, %s, %s, %s, %s, live.at_us(%s), %s, %s, %s)
ON CONFLICT (payment_id, sequence) DO NOTHING
