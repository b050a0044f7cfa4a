-- A year of a large portfolio, as the projector would have left it: one tenant, 12 rents a lease and some payments
-- without a lease. `portfolio.payments` and `portfolio.leases` say how many; the same numbers give the same rows, but
-- for the dates, which end today. Chance is a hash of the row's number.

CREATE TEMP TABLE lease AS
SELECT
    number,
    md5('lease' || number)::uuid AS lease_id,
    md5('property' || number / 4)::uuid AS property_id,
    md5('renter' || number)::uuid AS renter_id,
    md5('payer' || number)::uuid AS payer_account_id,
    md5('payee' || number / 40)::uuid AS payee_account_id,
    80000 + abs(hashint8(number)) % 220000 AS rent_minor,
    (ARRAY[1, 1, 1, 1, 1, 1, 1, 5, 15, 31])[1 + abs(hashint8extended(number, 1)) % 10] AS due_day,
    current_date - 350 - (number % 30)::integer AS start_date
FROM generate_series(0, current_setting('portfolio.leases')::bigint - 1) AS number;

INSERT INTO projection.entities
SELECT entity_id, 'demo', kind, 'active', 1, gen_random_uuid(), gen_random_uuid(), '\x00', now(), now(), entity
FROM (
    SELECT lease_id::text AS entity_id, 'lease' AS kind, jsonb_build_object(
        'property_id', property_id, 'renter_id', renter_id, 'rent_amount_minor', rent_minor, 'due_day', due_day,
        'start_date', start_date, 'end_date', NULL, 'terms_json', '{}') AS entity
    FROM lease
    UNION ALL
    SELECT renter_id::text, 'user', jsonb_build_object('email', 'renter' || number || '@example.com', 'role', 'renter',
        'name', 'Renter ' || number)
    FROM lease
    UNION ALL
    SELECT payer_account_id::text, 'bank_account', jsonb_build_object('user_id', renter_id, 'account_holder_name',
        'Renter ' || number, 'account_type', 'checking', 'token', 'ba_' || number, 'last4', lpad((number % 10000)::text, 4, '0'))
    FROM lease
    UNION ALL
    SELECT property_id::text, 'property', jsonb_build_object('owner_id', md5('landlord' || number / 40)::uuid,
        'address', number / 4 || ' High Street')
    FROM lease WHERE number % 4 = 0
    UNION ALL
    SELECT md5('landlord' || number / 40), 'user', jsonb_build_object('email', 'landlord' || number / 40 || '@example.com',
        'role', 'landlord', 'name', 'Landlord ' || number / 40)
    FROM lease WHERE number % 40 = 0
    UNION ALL
    SELECT payee_account_id::text, 'bank_account', jsonb_build_object('user_id', md5('landlord' || number / 40)::uuid,
        'account_holder_name', 'Landlord ' || number / 40, 'account_type', 'checking', 'token', 'ba_l' || number / 40,
        'last4', lpad((number / 40 % 10000)::text, 4, '0'))
    FROM lease WHERE number % 40 = 0
) AS entity (entity_id, kind, entity);

-- Asked for from three days before the due date to twelve days after it, in office hours mostly.
CREATE TEMP TABLE asked AS
SELECT
    payment.number, lease.lease_id, lease.payer_account_id, lease.payee_account_id, lease.rent_minor,
    -- Trouble is where it was before: 8 of 100 leases have all that fails, is returned or cancelled.
    CASE WHEN abs(hashint8extended(lease.number, 8)) % 100 < 8 THEN abs(hashint8extended(payment.number, 2)) % 80
        ELSE 30 + abs(hashint8extended(payment.number, 2)) % 970 END AS fate,
    (abs(hashint8extended(payment.number, 3)) % 1000)::float8 / 1000 AS chance,
    (abs(hashint8extended(payment.number, 4)) % 8)::integer AS partition,
    (ARRAY['instant', 'instant', 'instant', 'wire', 'same_day_ach', 'same_day_ach', 'standard_ach', 'standard_ach',
        'standard_ach', 'standard_ach'])[1 + abs(hashint8extended(payment.number, 5)) % 10] AS rail,
    lease.start_date + 30 * month.place::integer - (lease.start_date + 30 * month.place::integer
        - date_trunc('month', lease.start_date + 30 * month.place::integer)::date) % 28
        + least(lease.due_day, 28)
        + (-3 + floor(15 * (abs(hashint8extended(payment.number, 6)) % 1000 / 1000.0) ^ 3)) * interval '1 day'
        + (7 + 14 * (abs(hashint8extended(payment.number, 7)) % 1000 / 1000.0)) * interval '1 hour' AS initiated_at
FROM generate_series(0, current_setting('portfolio.payments')::bigint - 1) AS payment (number)
CROSS JOIN LATERAL (
    SELECT payment.number / current_setting('portfolio.leases')::bigint AS place
) AS month
JOIN lease ON lease.number = payment.number % current_setting('portfolio.leases')::bigint;

-- The rest of a life: about 15 of 1,000 fail, 10 are returned later, 5 are cancelled; some of the newest are in flight.
CREATE TEMP TABLE lived AS
SELECT *,
    CASE
        WHEN fate < 5 THEN 'cancelled'
        WHEN claimed_at > now() THEN 'pending'
        WHEN ended_at > now() AND fate >= 7 THEN 'processing'
        WHEN fate < 20 THEN 'failed'
        WHEN fate < 30 AND returned_at < now() THEN 'returned'
        ELSE 'completed'
    END AS status,
    (ARRAY['R01', 'R01', 'R01', 'R02', 'R03', 'R08', 'R09', 'R10', 'R16', 'AC04'])[1 + number % 10] AS code
FROM (
    SELECT *, ended_at + (1 + 58 * chance ^ 4) * interval '1 day' AS returned_at
    FROM (
        SELECT *, initiated_at + claim AS claimed_at, initiated_at + claim + settle AS ended_at
        FROM (
            SELECT *,
                CASE rail WHEN 'same_day_ach' THEN interval '1 hour' WHEN 'standard_ach' THEN interval '4 hours'
                    ELSE interval '50 ms' END AS claim,
                CASE rail WHEN 'instant' THEN interval '1 s' WHEN 'wire' THEN interval '4 min'
                    WHEN 'same_day_ach' THEN interval '3 hours' ELSE interval '20 hours' END * (1 + 2 * chance ^ 2)
                    AS settle
            FROM (SELECT number, lease_id, payer_account_id, payee_account_id, rent_minor, fate, chance, partition,
                rail, least(initiated_at, now() - chance * interval '2 days') AS initiated_at FROM asked) AS asked
        ) AS timed
    ) AS ended
) AS returned;
DROP TABLE asked;

INSERT INTO projection.payments
SELECT
    md5('payment' || number)::uuid, partition,
    CASE status WHEN 'pending' THEN 1 WHEN 'returned' THEN 4 WHEN 'completed' THEN 3 WHEN 'failed' THEN 3 ELSE 2 END,
    'demo', 'rent-' || number, decode(md5('f' || number) || md5('g' || number), 'hex'), 1,
    CASE WHEN number < 12 * current_setting('portfolio.leases')::bigint THEN lease_id END, payer_account_id, payee_account_id, rent_minor, 'USD', rail,
    'Rent', '{}', NULL, NULL, initiated_at, claimed_at, initiated_at + claim + 3 * settle - settle * (fate >= 998)::integer * 3,
    md5('command' || number)::uuid, status, CASE WHEN status IN ('pending', 'cancelled') THEN 0 ELSE 1 END,
    CASE WHEN status IN ('failed', 'returned') THEN code END,
    CASE WHEN status IN ('failed', 'returned') THEN 'refused' END,
    CASE WHEN status IN ('failed', 'returned') THEN 'rail' END,
    0,
    CASE status WHEN 'pending' THEN initiated_at WHEN 'processing' THEN claimed_at WHEN 'cancelled' THEN initiated_at
        WHEN 'returned' THEN returned_at ELSE ended_at END,
    CASE WHEN status IN ('completed', 'returned') THEN ended_at END
FROM lived;

INSERT INTO projection.payment_events
SELECT
    md5('payment' || number)::uuid, step.sequence, 'demo', step.event_type, step.previous_status, step.new_status,
    step.occurred_at, md5('command' || number)::uuid,
    CASE WHEN step.new_status IN ('failed', 'returned') THEN jsonb_build_object('attempt', '1', 'failure_code', code)
        WHEN step.sequence = 1 THEN '{}'::jsonb ELSE '{"attempt": "1"}'::jsonb END,
    decode(md5('h' || number) || md5(step.sequence || 'i' || number), 'hex')
FROM lived CROSS JOIN LATERAL (
    VALUES (1, 'payment_initiated', NULL, 'pending', initiated_at),
        (2, 'payment_processing', 'pending', 'processing', claimed_at),
        (2, 'payment_cancelled', 'pending', 'cancelled', initiated_at),
        (3, 'payment_completed', 'processing', 'completed', ended_at),
        (3, 'payment_failed', 'processing', 'failed', ended_at),
        (4, 'payment_returned', 'completed', 'returned', returned_at)
) AS step (sequence, event_type, previous_status, new_status, occurred_at)
WHERE step.new_status = 'pending' OR step.new_status = status
    OR (step.new_status = 'processing' AND status IN ('completed', 'failed', 'returned'))
    OR (step.new_status = 'completed' AND status = 'returned');

INSERT INTO projection.ledger_entries
SELECT
    md5('payment' || number)::uuid, posting.sequence, posting.line, partition, 'demo',
    CASE posting.account WHEN 'payer' THEN 'bank_account:' || payer_account_id
        WHEN 'payee' THEN 'bank_account:' || payee_account_id ELSE 'clearing:' || rail END,
    posting.direction, rent_minor, 'USD', posting.occurred_at
FROM lived CROSS JOIN LATERAL (
    VALUES (2, 1, 'processing', 'payer', 'debit', claimed_at), (2, 2, 'processing', 'clearing', 'credit', claimed_at),
        (3, 1, 'completed', 'clearing', 'debit', ended_at), (3, 2, 'completed', 'payee', 'credit', ended_at),
        (3, 1, 'failed', 'clearing', 'debit', ended_at), (3, 2, 'failed', 'payer', 'credit', ended_at),
        (4, 1, 'returned', 'payee', 'debit', returned_at), (4, 2, 'returned', 'clearing', 'credit', returned_at),
        (4, 3, 'returned', 'clearing', 'debit', returned_at), (4, 4, 'returned', 'payer', 'credit', returned_at)
) AS posting (sequence, line, of, account, direction, occurred_at)
WHERE status NOT IN ('pending', 'cancelled')
    AND (posting.of = 'processing' OR posting.of = status OR (posting.of = 'completed' AND status = 'returned'));
DROP TABLE lived, lease;

INSERT INTO projection.account_balances
SELECT partition, tenant_id, account, currency,
    coalesce(sum(amount_minor) FILTER (WHERE direction = 'debit'), 0),
    coalesce(sum(amount_minor) FILTER (WHERE direction = 'credit'), 0)
FROM projection.ledger_entries
GROUP BY 1, 2, 3, 4;

INSERT INTO projection.offsets
SELECT topic, partition, 'portfolio', 1, 1, now(), now()
FROM unnest(ARRAY['payment-events', 'payment-rejections', 'directory-events']) AS topic, generate_series(0, 7) AS partition;
