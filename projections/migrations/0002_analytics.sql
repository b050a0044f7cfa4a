-- What analysts read: times in UTC, amounts in dollars, a tenant everywhere. The tables behind may change, these do not.

CREATE VIEW analytics.payments AS
SELECT
    payment_id,
    tenant_id,
    idempotency_key,
    lease_id,
    payer_account_id,
    payee_account_id,
    amount_minor * 0.01 AS amount,
    currency,
    payment_rail_type,
    status,
    failure_code,
    failure_reason,
    failure_source,
    initiated_at,
    updated_at,
    completed_at,
    expected_settlement_at,
    refunded_minor * 0.01 AS refunded_amount,
    refund_of,
    description,
    metadata_json::jsonb AS metadata
FROM projection.payments;

COMMENT ON VIEW analytics.payments IS 'One row a payment, as it stands now.';
COMMENT ON COLUMN analytics.payments.payment_id IS 'Id of the payment, derived from tenant and idempotency key.';
COMMENT ON COLUMN analytics.payments.tenant_id IS 'The customer of DirectPay that the payment belongs to.';
COMMENT ON COLUMN analytics.payments.idempotency_key IS 'The key under which the payment was asked for; one payment per tenant and key.';
COMMENT ON COLUMN analytics.payments.lease_id IS 'The lease that is paid, where one was named.';
COMMENT ON COLUMN analytics.payments.payer_account_id IS 'The bank account that pays (the renter''s).';
COMMENT ON COLUMN analytics.payments.payee_account_id IS 'The bank account that is paid (the landlord''s).';
COMMENT ON COLUMN analytics.payments.amount IS 'Amount in dollars.';
COMMENT ON COLUMN analytics.payments.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.payments.payment_rail_type IS 'How the money travels: instant, same_day_ach, standard_ach, wire.';
COMMENT ON COLUMN analytics.payments.status IS 'pending, processing, completed, failed, cancelled, returned or refunded.';
COMMENT ON COLUMN analytics.payments.failure_code IS 'Why it failed or was returned: the rail''s code (R01, AC04) or one of ours; NULL when it did not.';
COMMENT ON COLUMN analytics.payments.failure_reason IS 'The failure in words.';
COMMENT ON COLUMN analytics.payments.failure_source IS 'Whose code failure_code is: rail or directpay.';
COMMENT ON COLUMN analytics.payments.initiated_at IS 'When the payment was asked for.';
COMMENT ON COLUMN analytics.payments.updated_at IS 'When its newest transition happened.';
COMMENT ON COLUMN analytics.payments.completed_at IS 'When the money arrived; it stays when the payment is returned later.';
COMMENT ON COLUMN analytics.payments.expected_settlement_at IS 'The latest settlement that the rail lets expect.';
COMMENT ON COLUMN analytics.payments.refunded_amount IS 'Dollars of it that were paid back.';
COMMENT ON COLUMN analytics.payments.refund_of IS 'The payment that this one pays back, for a refund.';
COMMENT ON COLUMN analytics.payments.description IS 'The caller''s words.';
COMMENT ON COLUMN analytics.payments.metadata IS 'The caller''s own fields, as JSON.';

CREATE VIEW analytics.payment_events AS
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
FROM projection.payment_events AS event
-- A left join on a primary key: queries that do not ask for metadata never do it.
LEFT JOIN projection.payments AS payment USING (payment_id);

COMMENT ON VIEW analytics.payment_events IS 'One row a transition: the history of every payment.';
COMMENT ON COLUMN analytics.payment_events.payment_id IS 'The payment.';
COMMENT ON COLUMN analytics.payment_events.tenant_id IS 'The customer of DirectPay that the payment belongs to.';
COMMENT ON COLUMN analytics.payment_events.sequence IS 'Place in the payment''s history, from 1, without gaps.';
COMMENT ON COLUMN analytics.payment_events.event_type IS 'payment_initiated, payment_processing, payment_completed, payment_failed, payment_cancelled, payment_returned, payment_refunded or payment_suspense_recorded.';
COMMENT ON COLUMN analytics.payment_events.previous_status IS 'Status before; NULL for the first.';
COMMENT ON COLUMN analytics.payment_events.new_status IS 'Status after.';
COMMENT ON COLUMN analytics.payment_events.occurred_at IS 'When it happened; times of one payment always increase.';
COMMENT ON COLUMN analytics.payment_events.metadata IS 'The payment''s terms as they were then, and what the step changed.';
COMMENT ON COLUMN analytics.payment_events.hash IS 'SHA-256 over this transition and the hash of the one before.';

CREATE VIEW analytics.ledger_entries AS
SELECT
    payment_id,
    tenant_id,
    sequence,
    line,
    account,
    direction,
    amount_minor * 0.01 AS amount,
    currency,
    occurred_at
FROM projection.ledger_entries;

COMMENT ON VIEW analytics.ledger_entries IS 'Double-entry ledger: debits equal credits in every transition, and so in total, at every moment.';
COMMENT ON COLUMN analytics.ledger_entries.payment_id IS 'The payment that moved the money.';
COMMENT ON COLUMN analytics.ledger_entries.tenant_id IS 'The customer of DirectPay that the payment belongs to.';
COMMENT ON COLUMN analytics.ledger_entries.sequence IS 'The transition of the payment that moved the money.';
COMMENT ON COLUMN analytics.ledger_entries.line IS 'Place of the line in its transition, from 1.';
COMMENT ON COLUMN analytics.ledger_entries.account IS 'bank_account:<id>, clearing:<rail> (money in flight) or suspense.';
COMMENT ON COLUMN analytics.ledger_entries.direction IS 'debit or credit.';
COMMENT ON COLUMN analytics.ledger_entries.amount IS 'Dollars, always positive.';
COMMENT ON COLUMN analytics.ledger_entries.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.ledger_entries.occurred_at IS 'When the transition happened.';

CREATE VIEW analytics.account_balances AS
SELECT
    tenant_id,
    account,
    currency,
    sum(debits_minor) * 0.01 AS debits,
    sum(credits_minor) * 0.01 AS credits,
    sum(credits_minor - debits_minor) * 0.01 AS balance
FROM projection.account_balances
GROUP BY tenant_id, account, currency;

COMMENT ON VIEW analytics.account_balances IS 'What each ledger account has paid and been paid; the balances of a tenant sum to zero.';
COMMENT ON COLUMN analytics.account_balances.tenant_id IS 'The customer of DirectPay whose payments these are.';
COMMENT ON COLUMN analytics.account_balances.account IS 'bank_account:<id>, clearing:<rail> (money in flight) or suspense.';
COMMENT ON COLUMN analytics.account_balances.currency IS 'ISO 4217 currency; USD.';
COMMENT ON COLUMN analytics.account_balances.debits IS 'Dollars that left the account.';
COMMENT ON COLUMN analytics.account_balances.credits IS 'Dollars that came into the account.';
COMMENT ON COLUMN analytics.account_balances.balance IS 'Credits less debits, in dollars: what the account was paid more than it paid.';

CREATE VIEW analytics.users AS
SELECT
    entity_id::uuid AS user_id,
    tenant_id,
    entity ->> 'email' AS email,
    entity ->> 'role' AS role,
    entity ->> 'name' AS name,
    state,
    created_at,
    updated_at
FROM projection.entities
WHERE kind = 'user';

COMMENT ON VIEW analytics.users IS 'Landlords and renters.';
COMMENT ON COLUMN analytics.users.user_id IS 'Id of the user.';
COMMENT ON COLUMN analytics.users.tenant_id IS 'The customer of DirectPay that the user belongs to.';
COMMENT ON COLUMN analytics.users.email IS 'E-mail address; it has one user per tenant.';
COMMENT ON COLUMN analytics.users.role IS 'landlord or renter.';
COMMENT ON COLUMN analytics.users.name IS 'Name, where one was given.';
COMMENT ON COLUMN analytics.users.state IS 'active or revoked.';
COMMENT ON COLUMN analytics.users.created_at IS 'When the user was created.';
COMMENT ON COLUMN analytics.users.updated_at IS 'When the user last changed.';

CREATE VIEW analytics.bank_accounts AS
SELECT
    entity_id::uuid AS bank_account_id,
    tenant_id,
    (entity ->> 'user_id')::uuid AS user_id,
    entity ->> 'account_holder_name' AS account_holder_name,
    entity ->> 'account_type' AS account_type,
    entity ->> 'token' AS token,
    entity ->> 'last4' AS last4,
    state,
    created_at,
    updated_at
FROM projection.entities
WHERE kind = 'bank_account';

COMMENT ON VIEW analytics.bank_accounts IS 'Bank accounts by token and last 4 digits; account numbers are not in this database.';
COMMENT ON COLUMN analytics.bank_accounts.bank_account_id IS 'Id of the account: payer_account_id and payee_account_id of payments.';
COMMENT ON COLUMN analytics.bank_accounts.tenant_id IS 'The customer of DirectPay that the account belongs to.';
COMMENT ON COLUMN analytics.bank_accounts.user_id IS 'The user who holds it.';
COMMENT ON COLUMN analytics.bank_accounts.account_holder_name IS 'Name of the holder at the bank.';
COMMENT ON COLUMN analytics.bank_accounts.account_type IS 'checking or savings.';
COMMENT ON COLUMN analytics.bank_accounts.token IS 'Stands for the account number.';
COMMENT ON COLUMN analytics.bank_accounts.last4 IS 'Last 4 digits of the account number.';
COMMENT ON COLUMN analytics.bank_accounts.state IS 'active or revoked.';
COMMENT ON COLUMN analytics.bank_accounts.created_at IS 'When the account was added.';
COMMENT ON COLUMN analytics.bank_accounts.updated_at IS 'When the account last changed.';

CREATE VIEW analytics.properties AS
SELECT
    entity_id::uuid AS property_id,
    tenant_id,
    (entity ->> 'owner_id')::uuid AS owner_id,
    entity ->> 'address' AS address,
    state,
    created_at,
    updated_at
FROM projection.entities
WHERE kind = 'property';

COMMENT ON VIEW analytics.properties IS 'Places that are let.';
COMMENT ON COLUMN analytics.properties.property_id IS 'Id of the property.';
COMMENT ON COLUMN analytics.properties.tenant_id IS 'The customer of DirectPay that the property belongs to.';
COMMENT ON COLUMN analytics.properties.owner_id IS 'The user who owns it: a landlord.';
COMMENT ON COLUMN analytics.properties.address IS 'Where it is.';
COMMENT ON COLUMN analytics.properties.state IS 'active or revoked.';
COMMENT ON COLUMN analytics.properties.created_at IS 'When the property was added.';
COMMENT ON COLUMN analytics.properties.updated_at IS 'When the property last changed.';

CREATE VIEW analytics.leases AS
SELECT
    entity_id::uuid AS lease_id,
    tenant_id,
    (entity ->> 'property_id')::uuid AS property_id,
    (entity ->> 'renter_id')::uuid AS renter_id,
    (entity ->> 'rent_amount_minor')::bigint * 0.01 AS rent_amount,
    (entity ->> 'due_day')::integer AS due_day,
    (entity ->> 'start_date')::date AS start_date,
    (entity ->> 'end_date')::date AS end_date,
    (entity ->> 'terms_json')::jsonb AS terms,
    state,
    created_at,
    updated_at
FROM projection.entities
WHERE kind = 'lease';

COMMENT ON VIEW analytics.leases IS 'Who rents what, for how much, due when.';
COMMENT ON COLUMN analytics.leases.lease_id IS 'Id of the lease: lease_id of payments.';
COMMENT ON COLUMN analytics.leases.tenant_id IS 'The customer of DirectPay that the lease belongs to.';
COMMENT ON COLUMN analytics.leases.property_id IS 'The property that is let.';
COMMENT ON COLUMN analytics.leases.renter_id IS 'The user who rents it.';
COMMENT ON COLUMN analytics.leases.rent_amount IS 'Rent of a month, in dollars.';
COMMENT ON COLUMN analytics.leases.due_day IS 'Day of the month on which rent is due; 29 to 31 mean the last day of a shorter month.';
COMMENT ON COLUMN analytics.leases.start_date IS 'First day of the lease.';
COMMENT ON COLUMN analytics.leases.end_date IS 'Last day of the lease; NULL when open.';
COMMENT ON COLUMN analytics.leases.terms IS 'Whatever else was agreed, as JSON.';
COMMENT ON COLUMN analytics.leases.state IS 'active or revoked.';
COMMENT ON COLUMN analytics.leases.created_at IS 'When the lease was added.';
COMMENT ON COLUMN analytics.leases.updated_at IS 'When the lease last changed.';

CREATE VIEW analytics.freshness AS
SELECT
    NULL::text AS tenant_id,
    topic,
    partition,
    CASE WHEN next >= log_end THEN checked_at ELSE record_at END AS projected_to,
    greatest(log_end - next, 0) AS lag,
    next AS next_offset,
    log_end AS end_offset,
    checked_at
FROM projection.offsets;

COMMENT ON VIEW analytics.freshness IS 'How far each partition of the log is projected into these views.';
COMMENT ON COLUMN analytics.freshness.tenant_id IS 'Always NULL: a partition carries the records of all tenants.';
COMMENT ON COLUMN analytics.freshness.topic IS 'Kafka topic.';
COMMENT ON COLUMN analytics.freshness.partition IS 'Partition of the topic.';
COMMENT ON COLUMN analytics.freshness.projected_to IS 'Everything that was in the partition at this time is in the views; while behind, the time of the newest record that is.';
COMMENT ON COLUMN analytics.freshness.lag IS 'Offsets not projected yet when last checked; 0 is up to date.';
COMMENT ON COLUMN analytics.freshness.next_offset IS 'Offset of the first record that is not projected.';
COMMENT ON COLUMN analytics.freshness.end_offset IS 'End of the partition when last checked.';
COMMENT ON COLUMN analytics.freshness.checked_at IS 'When the projector last looked.';
