-- parties: a renter with an account, a landlord with one, a property and a lease for each number below %(leases)s
WITH numbers AS (
    SELECT
        lpad(to_hex(%(leases_from)s + number), 32, '0')::uuid AS lease_id,
        lpad(to_hex(%(payers_from)s + number), 32, '0')::uuid AS payer_id,
        lpad(to_hex(%(payees_from)s + number), 32, '0')::uuid AS payee_id,
        number
    FROM generate_series(0, %(leases)s - 1) AS number
), renters AS (
    INSERT INTO users (id, email, role)
    SELECT payer_id, 'renter' || number || '@example.org', 'renter' FROM numbers
    UNION ALL
    SELECT payee_id, 'landlord' || number || '@example.org', 'landlord' FROM numbers
), accounts AS (
    INSERT INTO bank_accounts (id, user_id, token)
    SELECT payer_id, payer_id, 'acct_renter_' || number FROM numbers
    UNION ALL
    SELECT payee_id, payee_id, 'acct_landlord_' || number FROM numbers
), houses AS (
    INSERT INTO properties (id, owner_id, address)
    SELECT lease_id, payee_id, number || ' Oak Street' FROM numbers
)
INSERT INTO leases (id, property_id, renter_id, rent_amount, due_day, start_date)
SELECT lease_id, lease_id, payer_id, 1500, 1, '2025-02-15' FROM numbers
