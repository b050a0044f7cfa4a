-- enter_ledger: lines enter the ledger once, and only a line that entered moves the balance of its account.
WITH entered AS (
    INSERT INTO projection.ledger_entries (
        payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency, occurred_at
    )
    SELECT
        payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency,
        live.at_us(occurred_at_us)
    FROM pg_temp.incoming_entries
    ON CONFLICT (payment_id, sequence, line) DO NOTHING -- only with: keys
    RETURNING partition, tenant_id, account, currency, direction, amount_minor
)
INSERT INTO projection.account_balances AS balance (
    partition, tenant_id, account, currency, debits_minor, credits_minor
)
SELECT
    partition, tenant_id, account, currency,
    coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0),
    coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0)
FROM entered
GROUP BY partition, tenant_id, account, currency
ON CONFLICT (tenant_id, account, currency, partition) DO UPDATE SET
    debits_minor = balance.debits_minor + excluded.debits_minor,
    credits_minor = balance.credits_minor + excluded.credits_minor
