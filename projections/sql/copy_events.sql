-- copy_events: transitions that are new, which is what payments are behind the sequences that their rows had.
COPY projection.payment_events (
    payment_id, sequence, tenant_id, event_type, previous_status, new_status, occurred_at, caused_by, changes, hash
) FROM STDIN
