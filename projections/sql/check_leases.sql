-- check_leases: returns no row when every lease has the directory's terms and what its payments say was paid.
-- Terms are compared as text: what somebody wrote into the directory's rows by hand need not be a number or a date.
WITH said AS (
    SELECT tenant_id, lease_id::text, paid_minor, version, property_id::text, renter_id::text, rent_minor::text,
        due_day::text, start_date::text, due_until::text
    FROM projection.leases
),
paid AS (
    SELECT tenant_id, lease_id::text,
        sum(CASE WHEN status IN ('completed', 'refunded') THEN amount_minor - refunded_minor ELSE 0 END)::bigint
            AS paid_minor
    FROM projection.payments
    WHERE lease_id IS NOT NULL AND refund_of IS NULL AND completed_at IS NOT NULL
    GROUP BY tenant_id, lease_id
),
terms AS (
    SELECT tenant_id, entity_id AS lease_id, version, entity ->> 'property_id' AS property_id,
        entity ->> 'renter_id' AS renter_id, entity ->> 'rent_amount_minor' AS rent_minor,
        entity ->> 'due_day' AS due_day, entity ->> 'start_date' AS start_date,
        CASE WHEN state = 'revoked'
            THEN least(entity ->> 'end_date', (updated_at AT TIME ZONE 'UTC')::date::text)
            ELSE entity ->> 'end_date'
        END AS due_until
    FROM projection.entities
    WHERE kind = 'lease'
),
counted AS (
    SELECT tenant_id, lease_id, coalesce(paid_minor, 0), version, property_id, renter_id, rent_minor, due_day,
        start_date, due_until
    FROM paid FULL JOIN terms USING (tenant_id, lease_id)
)
SELECT 'said' AS side, * FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM counted) AS wrong
UNION ALL
SELECT 'counted', * FROM (SELECT * FROM counted EXCEPT ALL SELECT * FROM said) AS missing
