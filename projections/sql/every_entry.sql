-- every_entry: with the columns of `copy_entries`, ordered by payment, sequence and line.
SELECT
    entry.payment_id::text, entry.sequence, entry.line, entry.partition, entry.tenant_id, entry.account,
    entry.direction, entry.amount_minor, entry.currency, entry.occurred_at
FROM projection.ledger_entries AS entry
ORDER BY entry.payment_id, entry.sequence, entry.line
