-- unequal_balances: where a balance is not the sum of its ledger lines, with the payment of one of these.
-- Balances are added up as well: analysts would see the sum of rows that are there twice.
WITH lines AS (
    SELECT
        partition, tenant_id, account, currency,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0) AS debits_minor,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0) AS credits_minor,
        any_value(payment_id) AS payment_id
    FROM projection.ledger_entries
    GROUP BY partition, tenant_id, account, currency
),
balances AS (
    SELECT
        partition, tenant_id, account, currency, sum(debits_minor) AS debits_minor, sum(credits_minor) AS credits_minor,
        count(*)::integer AS rows
    FROM projection.account_balances
    GROUP BY partition, tenant_id, account, currency
)
SELECT
    tenant_id, account, currency, partition, balances.debits_minor, balances.credits_minor, lines.debits_minor,
    lines.credits_minor, coalesce(balances.rows, 0), lines.payment_id::text
FROM balances FULL JOIN lines USING (partition, tenant_id, account, currency)
WHERE
    balances.debits_minor IS DISTINCT FROM lines.debits_minor
    OR balances.credits_minor IS DISTINCT FROM lines.credits_minor
    OR balances.rows <> 1
ORDER BY tenant_id, account, currency, partition
