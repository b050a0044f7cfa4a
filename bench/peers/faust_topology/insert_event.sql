-- insert_event
INSERT INTO transaction_events (id, transaction_id, event_type, previous_status, new_status, timestamp, metadata)
VALUES (
    %(event_id)s, %(payment_id)s, %(event_type)s, nullif(%(previous_status)s, ''), %(new_status)s, %(timestamp)s,
    %(metadata)s
)
ON CONFLICT (id) DO NOTHING
