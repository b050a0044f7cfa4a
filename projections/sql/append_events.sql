-- append_events: a replayed transition changes nothing.
-- A rebuild makes the keys when all is loaded; until then it is move_payments that says which transitions are new.
INSERT INTO projection.payment_events (
    payment_id, sequence, tenant_id, event_type, previous_status, new_status, occurred_at, caused_by, changes, hash
)
SELECT
    payment_id, sequence, tenant_id, event_type, previous_status, new_status, live.at_us(occurred_at_us),
    caused_by, changes, hash
FROM pg_temp.incoming_events
ON CONFLICT (payment_id, sequence) DO NOTHING -- only with: keys
