-- Do the books balance, and where does the money stand?
-- asked by: finance
-- read from: daily_ledger, a rollup
SELECT coalesce(account, 'all, which must be 0') AS account, sum(debits) AS debits, sum(credits) AS credits, sum(change) AS balance
FROM analytics.daily_ledger
WHERE tenant_id = :'tenant' AND currency = 'USD'
GROUP BY ROLLUP (account)
ORDER BY GROUPING(account), account;
