-- enter_ledger: lines enter the ledger once, and only a line that entered moves the balance of its account and the
-- sums of its day.
WITH entered AS (
    INSERT INTO projection.ledger_entries (
        payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency, occurred_at
    )
    SELECT
        payment_id, sequence, line, partition, tenant_id, account, direction, amount_minor, currency,
        live.at_us(occurred_at_us)
    FROM pg_temp.incoming_entries
    ON CONFLICT (payment_id, sequence, line) DO NOTHING -- only with: keys
    RETURNING partition, tenant_id, account, currency, direction, amount_minor, occurred_at
),
by_day AS (
    INSERT INTO projection.daily_ledger AS known (
        tenant_id, day, account, currency, partition, debits_minor, credits_minor
    )
    SELECT
        tenant_id,
        (occurred_at AT TIME ZONE 'UTC')::date AS day,
        -- One for all bank accounts, or there were as many rows as in the ledger.
        CASE WHEN starts_with(account, 'bank_account:') THEN 'bank_accounts' ELSE account END AS day_account,
        currency,
        partition,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0),
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0)
    FROM entered
    GROUP BY tenant_id, day, day_account, currency, partition
    ON CONFLICT (tenant_id, day, account, currency, partition) DO UPDATE SET
        debits_minor = known.debits_minor + excluded.debits_minor,
        credits_minor = known.credits_minor + excluded.credits_minor
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
