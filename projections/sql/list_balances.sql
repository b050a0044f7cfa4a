-- list_balances: a tenant's accounts with the sums of their ledger lines, by account, from behind the cursor on. Read in
-- the order of the primary key, so that a page ends with the rows that it shows, one a partition and account. From the
-- table: while it is not analysed yet, Postgres reads and sorts all of it for a page of the view (39 s for 2,600,000).
SELECT balance.account, balance.currency, sum(balance.debits_minor)::bigint, sum(balance.credits_minor)::bigint
FROM projection.account_balances AS balance
WHERE balance.tenant_id = %(tenant_id)s
    AND balance.account = %(account)s -- only with: account
    AND (balance.account, balance.currency) > (%(cursor_account)s, %(cursor_currency)s) -- only with: cursor_account
GROUP BY balance.account, balance.currency
ORDER BY balance.account, balance.currency
LIMIT %(limit)s
