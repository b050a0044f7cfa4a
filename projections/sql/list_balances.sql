-- list_balances: a tenant's accounts with the sums of their ledger lines, by account, from behind the cursor on. Read in
-- the order of the primary key, so that a page ends after the rows that it shows, a few (one a partition) an account.
SELECT balance.account, balance.currency, sum(balance.debits_minor)::bigint, sum(balance.credits_minor)::bigint
FROM projection.account_balances AS balance
WHERE balance.tenant_id = %(tenant_id)s
    AND balance.account = %(account)s -- only with: account
    AND (balance.account, balance.currency) > (%(cursor_account)s, %(cursor_currency)s) -- only with: cursor_account
GROUP BY balance.account, balance.currency
ORDER BY balance.account, balance.currency
LIMIT %(limit)s
