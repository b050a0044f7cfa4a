-- What was due on this lease, what was paid, and what is late?
-- asked by: a landlord, and the renter
-- read from: lease_ledger: due dates from the lease, paid from a rollup
SELECT due_date, due, paid, late
FROM analytics.lease_ledger
WHERE tenant_id = :'tenant' AND lease_id = :'lease'
ORDER BY due_date;
