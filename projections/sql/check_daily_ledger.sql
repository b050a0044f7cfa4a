-- check_daily_ledger: returns no row when daily_ledger is what the ledger's lines say.
WITH said AS (
    SELECT tenant_id, day, account, currency, partition, debits_minor, credits_minor FROM projection.daily_ledger
),
counted AS (
    SELECT tenant_id, (occurred_at AT TIME ZONE 'UTC')::date AS day,
        CASE WHEN starts_with(account, 'bank_account:') THEN 'bank_accounts' ELSE account END AS account,
        currency, partition,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0)::bigint AS debits_minor,
        coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0)::bigint AS credits_minor
    FROM projection.ledger_entries
    GROUP BY 1, 2, 3, 4, 5
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
