-- pay_leases: what was paid on each lease of the batch, and a row for each whose terms the batch has. Locks all of them
-- in one order: this is the one table in which projectors of different partitions meet.
-- An update that touches no source of the generated columns costs Postgres 18 three times as much a row (it seems to read
-- their definitions anew each time). So one is touched.
INSERT INTO projection.leases AS lease (tenant_id, lease_id, paid_minor)
SELECT tenant_id, lease_id, paid_minor
FROM unnest(%(tenant_id)b::text[], %(lease_id)b::uuid[], %(paid_minor)b::bigint[]) AS paid (
    tenant_id, lease_id, paid_minor
)
ORDER BY tenant_id, lease_id
ON CONFLICT (lease_id, tenant_id) DO UPDATE SET
    paid_minor = lease.paid_minor + excluded.paid_minor,
    due_until = lease.due_until
