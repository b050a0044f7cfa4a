-- list_due_dates: the ledger of a tenant's lease, newest due date first, from behind the cursor on. From the analysts'
-- view, so that what is paid and what is late is said in one place. All due dates of the one lease are made for a page:
-- one a month since its start, some hundreds at most, however many payments there are.
SELECT due_date, (due * 100)::bigint, (paid * 100)::bigint, late
FROM analytics.lease_ledger
WHERE tenant_id = %(tenant_id)s
    AND lease_id = %(lease_id)s::uuid
    AND due_date < %(cursor_due_date)s -- only with: cursor_due_date
ORDER BY due_date DESC
LIMIT %(limit)s
