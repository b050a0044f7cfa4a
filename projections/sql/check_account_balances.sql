-- check_account_balances: returns no row when account_balances is what the ledger's lines say.
WITH said AS (
    SELECT partition, tenant_id, account, currency, debits_minor, credits_minor FROM projection.account_balances
),
counted AS (
    SELECT partition, tenant_id, account, currency,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0)::bigint AS debits_minor,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0)::bigint AS credits_minor
    FROM projection.ledger_entries
    GROUP BY 1, 2, 3, 4
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
