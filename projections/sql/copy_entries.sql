-- copy_entries: the ledger lines of transitions that are new.
COPY projection.ledger_entries (
    payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency, occurred_at
) FROM STDIN
