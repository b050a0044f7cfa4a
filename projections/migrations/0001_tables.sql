-- The projected tables. Everything here can be rebuilt from Kafka; nothing is written here first.
-- Times are timestamptz with the microseconds of the log, amounts are integer cents, ids of payments are uuid.

-- Where each partition of the log has been projected to. A batch moves `next` in the transaction that writes its rows.
CREATE TABLE projection.offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    -- Kafka's id of the topic: offsets of a topic that was deleted and made again mean nothing.
    topic_id text NOT NULL,
    -- The offset of the first record that is not projected yet.
    next bigint NOT NULL CHECK (next >= 0),
    -- The end of the partition when the projector last knew it, and when that was.
    log_end bigint NOT NULL,
    checked_at timestamptz NOT NULL,
    -- The time of the newest record that is projected.
    record_at timestamptz,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- One row a payment: the newest snapshot. `sequence` is that of its last transition; a row only moves forward by it.
CREATE TABLE projection.payments (
    payment_id uuid PRIMARY KEY,
    partition integer NOT NULL,
    sequence integer NOT NULL,
    tenant_id text NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint bytea NOT NULL,
    fingerprint_version integer NOT NULL,
    lease_id uuid,
    payer_account_id uuid NOT NULL,
    payee_account_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    payment_rail_type text NOT NULL,
    description text,
    -- The caller's bytes: the hash chain covers them, and jsonb would spell some of them otherwise.
    metadata_json text NOT NULL,
    effective_date text,
    refund_of uuid,
    initiated_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    expected_settlement_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    status text NOT NULL,
    attempt integer NOT NULL,
    failure_code text,
    failure_reason text,
    failure_source text,
    refunded_minor bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    updated_at timestamptz NOT NULL,
    completed_at timestamptz
-- A payment is updated two or three times: with room in the page, an update that changes no index costs no index.
) WITH (fillfactor = 70);

-- Lists are read newest first, from a cursor: (initiated_at, payment_id) is their order.
-- None of these holds a column that changes, so that updates stay on their page (HOT).
CREATE INDEX payments_by_tenant ON projection.payments (tenant_id, initiated_at DESC, payment_id DESC);
CREATE INDEX payments_by_lease ON projection.payments (lease_id, initiated_at DESC, payment_id DESC)
    WHERE lease_id IS NOT NULL;
CREATE INDEX payments_by_payer ON projection.payments (payer_account_id, initiated_at DESC, payment_id DESC);

-- Every transition of every payment. `changes` is what the step changed; the terms are the payment's.
CREATE TABLE projection.payment_events (
    payment_id uuid NOT NULL,
    sequence integer NOT NULL CHECK (sequence >= 1),
    tenant_id text NOT NULL,
    event_type text NOT NULL,
    previous_status text,
    new_status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    caused_by uuid NOT NULL,
    changes jsonb NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (payment_id, sequence)
);

-- The ledger lines of every transition that moves money.
CREATE TABLE projection.ledger_entries (
    payment_id uuid NOT NULL,
    sequence integer NOT NULL,
    line integer NOT NULL CHECK (line >= 1),
    partition integer NOT NULL,
    tenant_id text NOT NULL,
    account text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (payment_id, sequence, line)
);

-- Sums of the ledger lines, a row a partition: projectors of different partitions never wait for each other's rows.
CREATE TABLE projection.account_balances (
    partition integer NOT NULL,
    tenant_id text NOT NULL,
    account text NOT NULL,
    currency text NOT NULL,
    debits_minor bigint NOT NULL CHECK (debits_minor >= 0),
    credits_minor bigint NOT NULL CHECK (credits_minor >= 0),
    PRIMARY KEY (tenant_id, account, currency, partition)
) WITH (fillfactor = 70);

-- What was refused. `outcome_key` is the command's id, where it could be read, else the place of the refused record.
CREATE TABLE projection.command_outcomes (
    outcome_key text PRIMARY KEY,
    command_id uuid,
    tenant_id text,
    payment_id uuid,
    entity_id text,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    record_key text,
    reason text NOT NULL,
    detail text NOT NULL,
    errors jsonb NOT NULL,
    rejected_at timestamptz NOT NULL,
    raw bytea NOT NULL,
    raw_bytes bigint NOT NULL,
    raw_sha256 bytea NOT NULL
);
CREATE INDEX command_outcomes_by_payment ON projection.command_outcomes (payment_id, rejected_at DESC)
    WHERE payment_id IS NOT NULL;

-- The directory: the newest version of every user, bank account, property, lease, API key and tenant. No secrets.
CREATE TABLE projection.entities (
    entity_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    created_by uuid NOT NULL,
    changed_by uuid NOT NULL,
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    entity jsonb NOT NULL
);
CREATE INDEX entities_by_tenant ON projection.entities (tenant_id, kind, created_at DESC, entity_id DESC);

-- Microseconds since the epoch, as the log has them, to a time. Exact: no floating point is as large as 2^53 here.
CREATE FUNCTION projection.at_us(us bigint) RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE RETURN timestamptz 'epoch' + us * interval '1 microsecond';
