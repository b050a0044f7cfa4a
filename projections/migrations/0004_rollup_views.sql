-- The views that are read from sums (0003). Each says so in its comment.

CREATE VIEW analytics.daily_volume AS
SELECT
    tenant_id,
    day,
    payment_rail_type,
    status,
    currency,
    sum(count)::bigint AS count,
    sum(amount_minor) * 0.01 AS amount
FROM projection.daily_payments
-- Statuses that payments passed through and none is in now.
WHERE count > 0
GROUP BY tenant_id, day, payment_rail_type, status, currency;

COMMENT ON VIEW analytics.daily_volume IS 'Payments by the day (UTC) on which they were asked for and by where they stand now; a payment is in one row. Read from a rollup.';
COMMENT ON COLUMN analytics.daily_volume.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.daily_volume.day IS 'Day (UTC) on which the payments were asked for.';
COMMENT ON COLUMN analytics.daily_volume.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.daily_volume.status IS 'Where the payments stand now: pending, processing, completed, failed, cancelled, returned or refunded.';
COMMENT ON COLUMN analytics.daily_volume.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.daily_volume.count IS 'How many payments.';
COMMENT ON COLUMN analytics.daily_volume.amount IS 'Their amounts together, in dollars; what was refunded of them is not taken off.';

CREATE VIEW analytics.daily_failures AS
SELECT
    tenant_id,
    day,
    payment_rail_type,
    event_type,
    nullif(failure_code, '') AS failure_code,
    nullif(days_after_completion, -1) AS days_after_completion,
    currency,
    sum(count)::bigint AS count,
    sum(amount_minor) * 0.01 AS amount
FROM projection.daily_failures
GROUP BY tenant_id, day, payment_rail_type, event_type, failure_code, days_after_completion, currency;

COMMENT ON VIEW analytics.daily_failures IS 'Failures and returns by the day (UTC) on which they happened. Read from a rollup.';
COMMENT ON COLUMN analytics.daily_failures.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.daily_failures.day IS 'Day (UTC) on which they failed or were returned.';
COMMENT ON COLUMN analytics.daily_failures.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.daily_failures.event_type IS 'payment_failed, or payment_returned (after it had completed).';
COMMENT ON COLUMN analytics.daily_failures.failure_code IS 'The rail''s code (R01, AC04) or one of ours.';
COMMENT ON COLUMN analytics.daily_failures.days_after_completion IS 'For returns: the days between completion and return; NULL for failures.';
COMMENT ON COLUMN analytics.daily_failures.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.daily_failures.count IS 'How many payments.';
COMMENT ON COLUMN analytics.daily_failures.amount IS 'Their amounts together, in dollars.';

CREATE VIEW analytics.daily_ledger AS
SELECT
    tenant_id,
    day,
    account,
    currency,
    sum(debits_minor) * 0.01 AS debits,
    sum(credits_minor) * 0.01 AS credits,
    sum(credits_minor - debits_minor) * 0.01 AS change
FROM projection.daily_ledger
GROUP BY tenant_id, day, account, currency;

COMMENT ON VIEW analytics.daily_ledger IS 'The ledger by day (UTC), all bank accounts as one: the changes of a day sum to zero, and a clearing account''s up to a day are what was in flight at its end. Read from a rollup.';
COMMENT ON COLUMN analytics.daily_ledger.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.daily_ledger.day IS 'Day (UTC) on which the money moved.';
COMMENT ON COLUMN analytics.daily_ledger.account IS 'bank_accounts (all of them together), clearing:<rail> (money in flight) or suspense.';
COMMENT ON COLUMN analytics.daily_ledger.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.daily_ledger.debits IS 'Dollars that left.';
COMMENT ON COLUMN analytics.daily_ledger.credits IS 'Dollars that came in.';
COMMENT ON COLUMN analytics.daily_ledger.change IS 'Credits less debits, in dollars.';

CREATE VIEW analytics.settle_times AS
WITH counted AS (
    SELECT tenant_id, month, payment_rail_type, settled_in_us, sum(count) AS count
    FROM projection.settle_times
    GROUP BY tenant_id, month, payment_rail_type, settled_in_us
),
ranked AS (
    SELECT *,
        sum(count) OVER (PARTITION BY tenant_id, month, payment_rail_type ORDER BY settled_in_us) AS up_to,
        sum(count) OVER (PARTITION BY tenant_id, month, payment_rail_type) AS total
    FROM counted
)
SELECT
    tenant_id,
    month,
    payment_rail_type,
    sum(count)::bigint AS count,
    min(settled_in_us) FILTER (WHERE up_to >= total * 0.50) * 0.000001 AS p50_s,
    min(settled_in_us) FILTER (WHERE up_to >= total * 0.95) * 0.000001 AS p95_s
FROM ranked
GROUP BY tenant_id, month, payment_rail_type;

COMMENT ON VIEW analytics.settle_times IS 'How long payments took to settle, by the month (UTC) in which they did. Read from a rollup: percentiles are within 0.8 % of the true ones.';
COMMENT ON COLUMN analytics.settle_times.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.settle_times.month IS 'First day of the month (UTC) in which the payments completed.';
COMMENT ON COLUMN analytics.settle_times.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.settle_times.count IS 'Payments that completed, also if they were returned later.';
COMMENT ON COLUMN analytics.settle_times.p50_s IS 'Half of them took no longer than so many seconds, from when they were asked for (or from their effective date, when that is later).';
COMMENT ON COLUMN analytics.settle_times.p95_s IS '95 % of them took no longer than so many seconds.';

CREATE VIEW analytics.rail_performance AS
WITH decided AS (
    SELECT
        tenant_id,
        payment_rail_type,
        sum(count)::bigint AS count,
        sum(count) FILTER (WHERE status IN ('failed', 'returned')) AS failed,
        sum(count) FILTER (WHERE status IN ('completed', 'refunded', 'failed', 'returned')) AS ended
    FROM projection.daily_payments
    GROUP BY tenant_id, payment_rail_type
),
settled AS (
    SELECT tenant_id, payment_rail_type, settled_in_us, sum(count) AS count
    FROM projection.settle_times
    GROUP BY tenant_id, payment_rail_type, settled_in_us
),
ranked AS (
    SELECT *,
        sum(count) OVER (PARTITION BY tenant_id, payment_rail_type ORDER BY settled_in_us) AS up_to,
        sum(count) OVER (PARTITION BY tenant_id, payment_rail_type) AS total
    FROM settled
),
percentiles AS (
    SELECT
        tenant_id,
        payment_rail_type,
        min(settled_in_us) FILTER (WHERE up_to >= total * 0.50) * 0.000001 AS p50_s,
        min(settled_in_us) FILTER (WHERE up_to >= total * 0.95) * 0.000001 AS p95_s
    FROM ranked
    GROUP BY tenant_id, payment_rail_type
)
SELECT
    tenant_id,
    payment_rail_type,
    count,
    round(coalesce(failed, 0) / nullif(ended, 0), 6) AS failure_rate,
    p50_s,
    p95_s
FROM decided LEFT JOIN percentiles USING (tenant_id, payment_rail_type);

COMMENT ON VIEW analytics.rail_performance IS 'How each rail does, over all time; by month in settle_times, failures by day in daily_failures. Read from rollups: percentiles are within 0.8 % of the true ones.';
COMMENT ON COLUMN analytics.rail_performance.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.rail_performance.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.rail_performance.count IS 'How many payments, in whatever status.';
COMMENT ON COLUMN analytics.rail_performance.failure_rate IS 'Failed and returned payments as a part (0 to 1) of all that ended, cancelled ones aside; NULL when none has ended.';
COMMENT ON COLUMN analytics.rail_performance.p50_s IS 'Half of those that completed took no longer than so many seconds, from when they were asked for (or from their effective date, when that is later).';
COMMENT ON COLUMN analytics.rail_performance.p95_s IS '95 % of those that completed took no longer than so many seconds.';

CREATE VIEW analytics.payments_in_flight AS
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
FROM projection.open_payments AS open
-- A left join on a primary key: questions that ask nothing of it never do it.
LEFT JOIN projection.payments AS payment USING (payment_id);

COMMENT ON VIEW analytics.payments_in_flight IS 'Payments that are pending or processing now; read without looking at those that ended.';
COMMENT ON COLUMN analytics.payments_in_flight.payment_id IS 'The payment.';
COMMENT ON COLUMN analytics.payments_in_flight.tenant_id IS 'The customer of DirectPay that the payment belongs to.';
COMMENT ON COLUMN analytics.payments_in_flight.lease_id IS 'The lease that is paid, where one was named.';
COMMENT ON COLUMN analytics.payments_in_flight.payer_account_id IS 'The bank account that pays.';
COMMENT ON COLUMN analytics.payments_in_flight.payee_account_id IS 'The bank account that is paid.';
COMMENT ON COLUMN analytics.payments_in_flight.amount IS 'Amount in dollars.';
COMMENT ON COLUMN analytics.payments_in_flight.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.payments_in_flight.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.payments_in_flight.status IS 'pending or processing.';
COMMENT ON COLUMN analytics.payments_in_flight.initiated_at IS 'When the payment was asked for.';
COMMENT ON COLUMN analytics.payments_in_flight.updated_at IS 'When its newest transition happened.';
COMMENT ON COLUMN analytics.payments_in_flight.expected_settlement_at IS 'The latest settlement that the rail lets expect.';
COMMENT ON COLUMN analytics.payments_in_flight.overdue IS 'Whether that time has passed.';

-- A lease in months. Numbers of months since the year 0 stand for dates: then all is integer arithmetic, and a portfolio
-- of hundreds of thousands of leases is read in one pass. What (SELECT ..) asks of today is asked once a query.
CREATE VIEW projection.lease_months AS
SELECT *, least(due_months + 1, last_due_month - first_due_month + 1) AS shown_months
FROM (
    SELECT *,
        -- How many due dates are over: rent is late from the day after.
        greatest(0, least(last_due_month + 1,
            (SELECT (extract(year FROM now() AT TIME ZONE 'UTC') * 12 + extract(month FROM now() AT TIME ZONE 'UTC') - 1)::integer)
            + (least(due_day, (SELECT extract(day FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month -1 day')::integer))
                < (SELECT extract(day FROM now() AT TIME ZONE 'UTC')::integer))::integer
        ) - first_due_month) AS due_months,
        -- How many are paid in full, oldest first. Bounded: many payments on a rent of a cent are more than an integer.
        least(paid_minor / rent_minor, 1000000)::integer AS paid_months
    FROM projection.leases
    WHERE version IS NOT NULL
) AS lease;

CREATE VIEW analytics.lease_standing AS
SELECT
    tenant_id,
    lease_id,
    property_id,
    renter_id,
    rent_minor * 0.01 AS rent_amount,
    due_months * rent_minor * 0.01 AS due,
    paid_minor * 0.01 AS paid,
    paid_months < due_months AS late,
    greatest(due_months * rent_minor - paid_minor, 0) * 0.01 AS late_amount,
    greatest(due_months - paid_months, 0) AS late_months,
    -- The due day, or the last day of a month that is too short for it.
    CASE WHEN paid_months < due_months THEN least(
        make_date((first_due_month + paid_months) / 12, (first_due_month + paid_months) % 12 + 1, 1) + due_day - 1,
        make_date((first_due_month + paid_months + 1) / 12, (first_due_month + paid_months + 1) % 12 + 1, 1) - 1
    ) END AS late_since,
    greatest(paid_minor - due_months * rent_minor, 0) * 0.01 AS paid_ahead
FROM projection.lease_months;

COMMENT ON VIEW analytics.lease_standing IS 'One row a lease: what was due up to yesterday (UTC), what was paid on it, what is late now. Read from a rollup.';
COMMENT ON COLUMN analytics.lease_standing.tenant_id IS 'The customer of DirectPay that the lease belongs to.';
COMMENT ON COLUMN analytics.lease_standing.lease_id IS 'The lease.';
COMMENT ON COLUMN analytics.lease_standing.property_id IS 'The property that is let.';
COMMENT ON COLUMN analytics.lease_standing.renter_id IS 'The user who rents it.';
COMMENT ON COLUMN analytics.lease_standing.rent_amount IS 'Rent of a month, in dollars.';
COMMENT ON COLUMN analytics.lease_standing.due IS 'Dollars of every due date before today.';
COMMENT ON COLUMN analytics.lease_standing.paid IS 'Dollars of completed payments that name the lease, less what was returned or refunded of them.';
COMMENT ON COLUMN analytics.lease_standing.late IS 'Whether a due date before today is not paid in full; the quickest way to leave out the others.';
COMMENT ON COLUMN analytics.lease_standing.late_amount IS 'Dollars that are late: due and not paid, 0 when none are.';
COMMENT ON COLUMN analytics.lease_standing.late_months IS 'Due dates before today that are not paid in full.';
COMMENT ON COLUMN analytics.lease_standing.late_since IS 'The oldest of these; NULL when there is none.';
COMMENT ON COLUMN analytics.lease_standing.paid_ahead IS 'Dollars paid for due dates that are not over yet.';

-- Three parts, so that a question about what is late reads only leases that are late.
CREATE VIEW analytics.lease_ledger AS
SELECT
    tenant_id,
    lease_id,
    least(make_date(month / 12, month % 12 + 1, 1) + due_day - 1, make_date((month + 1) / 12, (month + 1) % 12 + 1, 1) - 1)
        AS due_date,
    rent_minor * 0.01 AS due,
    paid_minor * 0.01 AS paid,
    late
FROM (
    SELECT tenant_id, lease_id, first_due_month + place AS month, due_day, rent_minor, rent_minor AS paid_minor,
        false AS late
    FROM projection.lease_months, generate_series(0, least(paid_months, shown_months) - 1) AS place
    UNION ALL
    SELECT tenant_id, lease_id, first_due_month + place, due_day, rent_minor,
        CASE WHEN place = paid_months THEN paid_minor % rent_minor ELSE 0 END, true
    FROM projection.lease_months, generate_series(paid_months, due_months - 1) AS place
    WHERE paid_months < due_months
    UNION ALL
    SELECT tenant_id, lease_id, first_due_month + place, due_day, rent_minor,
        CASE WHEN place = paid_months THEN paid_minor % rent_minor ELSE 0 END, false
    FROM projection.lease_months, generate_series(greatest(paid_months, due_months), shown_months - 1) AS place
) AS due;

COMMENT ON VIEW analytics.lease_ledger IS 'One row a due date of a lease: all before today (UTC) and the next one. Payments pay the oldest due date first, whatever day they were made on. Paid is read from a rollup.';
COMMENT ON COLUMN analytics.lease_ledger.tenant_id IS 'The customer of DirectPay that the lease belongs to.';
COMMENT ON COLUMN analytics.lease_ledger.lease_id IS 'The lease.';
COMMENT ON COLUMN analytics.lease_ledger.due_date IS 'When rent is due: the due day, or the last day of a month that is too short for it.';
COMMENT ON COLUMN analytics.lease_ledger.due IS 'Rent in dollars, as the lease has it now.';
COMMENT ON COLUMN analytics.lease_ledger.paid IS 'Dollars of it that are paid: completed payments of the lease, less what was returned or refunded.';
COMMENT ON COLUMN analytics.lease_ledger.late IS 'Whether the due date is before today (UTC) and not paid in full.';
