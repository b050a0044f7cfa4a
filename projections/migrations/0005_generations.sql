-- Tables that a rebuild can replace while they are read.
--
-- A rebuild makes new tables beside those of the schema projection, and then the schemas change names. Whoever names
-- projection.payments (the projector, the API) has the new table with its next statement. A view is bound to the table
-- itself, and pointing it at another waits for everybody who is reading it. So the analysts' views read the schema
-- live: there each table of projection is one partition, one generation, and the number in live.generation says which
-- one is read. A rebuild moves that number: no reader waits or is waited for, and each sees one generation only.
--
-- So every view of the schema analytics reads from live, never from projection; and a column is added to
-- live.<table>_generations, which adds it to the tables, and then to the view live.<table>.

CREATE SCHEMA live;

-- One row.
CREATE TABLE live.generation (
    is_the_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_row),
    generation integer NOT NULL CHECK (generation >= 1)
);
INSERT INTO live.generation (generation) VALUES (1);

-- Tables beside the live ones, in schemas of their own: being filled by a rebuild, or left by one that was killed, while
-- `replaced_in` is NULL; else replaced, and kept for those who began to read before.
CREATE TABLE live.beside (
    generation integer PRIMARY KEY,
    schema_name name NOT NULL,
    -- The transaction in which the next generation took its place: a snapshot from before it may read these tables.
    replaced_in xid8,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Locked by the rebuild that runs. A view, because nobody vacuums, analyses or reads it: a lock on it is in no one's way.
CREATE VIEW live.rebuild AS SELECT 'locked by the rebuild that runs'::text AS meaning;

-- It belongs to no generation.
ALTER FUNCTION projection.at_us(bigint) SET SCHEMA live;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'projection'::regnamespace AND relkind = 'r' AND relname <> 'migrations'
    LOOP
        EXECUTE format(
            'ALTER TABLE projection.%I ADD COLUMN generation integer NOT NULL DEFAULT 1,'
            ' ADD CONSTRAINT of_one_generation CHECK (generation = 1)', name);
        EXECUTE format(
            'CREATE TABLE live.%I (LIKE projection.%I INCLUDING GENERATED) PARTITION BY LIST (generation)',
            name || '_generations', name);
    END LOOP;
END
$$;

-- That a payment is there once is known to the planner only by a key that holds the generation: views that join
-- payments need not read them for a query that asks for nothing of theirs.
ALTER TABLE projection.payments DROP CONSTRAINT payments_pkey, ADD PRIMARY KEY (payment_id, generation);
ALTER TABLE live.payments_generations ADD PRIMARY KEY (payment_id, generation);

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'projection'::regnamespace AND relkind = 'r' LOOP
        CONTINUE WHEN name = 'migrations';
        EXECUTE format(
            'ALTER TABLE live.%I ATTACH PARTITION projection.%I FOR VALUES IN (1)', name || '_generations', name);
        EXECUTE format(
            'CREATE VIEW live.%I AS SELECT * FROM live.%I'
            ' WHERE generation = (SELECT live.generation FROM live.generation AS live)', name, name || '_generations');
    END LOOP;
END
$$;

-- A view belongs to no generation either, but reads one.
ALTER VIEW projection.lease_months SET SCHEMA live;

-- The analysts' views as they are, but reading from live: they stay the same views, with their comments and grants.
DO $$
DECLARE
    view oid;
BEGIN
    FOR view IN
        SELECT oid FROM pg_class
        WHERE relkind = 'v'
            AND (relnamespace = 'analytics'::regnamespace OR oid = 'live.lease_months'::regclass)
    LOOP
        EXECUTE format(
            'CREATE OR REPLACE VIEW %s AS %s',
            view::regclass, regexp_replace(pg_get_viewdef(view), '\yprojection\.', 'live.', 'g'));
    END LOOP;
END
$$;

-- They join payments by its whole key.
CREATE OR REPLACE VIEW analytics.payment_events AS
SELECT
    event.payment_id,
    event.tenant_id,
    event.sequence,
    event.event_type,
    event.previous_status,
    event.new_status,
    event.occurred_at,
    jsonb_build_object(
        'payer_account', payment.payer_account_id,
        'payee_account', payment.payee_account_id,
        'amount', (payment.amount_minor * 0.01)::text,
        'currency', payment.currency,
        'rail', payment.payment_rail_type
    ) || event.changes AS metadata,
    event.hash
FROM live.payment_events AS event
LEFT JOIN live.payments AS payment USING (payment_id, generation);

CREATE OR REPLACE VIEW analytics.payments_in_flight AS
SELECT
    open.payment_id,
    open.tenant_id,
    payment.lease_id,
    payment.payer_account_id,
    payment.payee_account_id,
    open.amount_minor * 0.01 AS amount,
    open.currency,
    open.payment_rail_type,
    open.status,
    open.initiated_at,
    payment.updated_at,
    open.expected_settlement_at,
    open.expected_settlement_at < now() AS overdue
FROM live.open_payments AS open
LEFT JOIN live.payments AS payment USING (payment_id, generation);
