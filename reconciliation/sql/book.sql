-- What reconciliation knows: the topic `reconciliation` and payment-events, folded, with the positions that they reflect.

-- Whose book this is: the ids of the cluster and of the two topics. A book of others is worthless.
CREATE TABLE IF NOT EXISTS log (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    identity TEXT NOT NULL,
    next_offset INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS partitions (
    partition INTEGER PRIMARY KEY,
    next_offset INTEGER NOT NULL
) STRICT;

-- One row a payment, as its newest record has it; days are text (YYYY-MM-DD), history is JSON.
CREATE TABLE IF NOT EXISTS payments (
    payment_id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    rail TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    payer_account_id TEXT NOT NULL,
    payee_account_id TEXT NOT NULL,
    claimed_day TEXT,
    settled_day TEXT,
    ended_day TEXT,
    bank_reference TEXT,
    history BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payments_by_bank_reference ON payments (bank_reference) WHERE bank_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_settled_on ON payments (settled_day, amount_minor) WHERE settled_day IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_ended_on ON payments (ended_day) WHERE ended_day IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_of_a_payer ON payments (payer_account_id);
CREATE INDEX IF NOT EXISTS payments_of_a_payee ON payments (payee_account_id);

-- One row a finding, by its offset on the topic; record is its bytes there. A resolution is of the first that came.
CREATE TABLE IF NOT EXISTS findings (
    number INTEGER PRIMARY KEY,
    finding_id TEXT NOT NULL UNIQUE,
    import_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    account TEXT,
    day TEXT NOT NULL,
    payment_id TEXT,
    side TEXT,
    movement TEXT,
    is_own INTEGER NOT NULL,
    ledger_account_id TEXT,
    record BLOB NOT NULL,
    resolution BLOB,
    -- Of a batch's total, whose payments are found one by one: it is in no sum beside them.
    is_listed INTEGER NOT NULL DEFAULT 0
) STRICT;
-- A leg of a payment is booked once: whatever is like it is a duplicate.
CREATE UNIQUE INDEX IF NOT EXISTS booked_legs ON findings (payment_id, tenant_id, side, movement, is_own)
    WHERE verdict IN ('matched', 'repaired', 'mismatched');
CREATE INDEX IF NOT EXISTS findings_of_an_import ON findings (import_id, verdict);
CREATE INDEX IF NOT EXISTS findings_of_a_payment ON findings (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS findings_of_an_account ON findings (account, day) WHERE account IS NOT NULL;
CREATE INDEX IF NOT EXISTS accounts_of_the_ledger ON findings (account, ledger_account_id)
    WHERE ledger_account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS findings_by_verdict ON findings (tenant_id, verdict, number);
CREATE INDEX IF NOT EXISTS open_findings ON findings (tenant_id, number)
    WHERE resolution IS NULL AND verdict NOT IN ('matched', 'repaired', 'listed');

-- Accounts of our own: through them the payments of files pass, and statements list them as batches. By whose statements:
-- what a tenant hands in says nothing of the operator's accounts.
CREATE TABLE IF NOT EXISTS own_accounts (
    tenant_id TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (tenant_id, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS imports (
    import_id TEXT PRIMARY KEY,
    record BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS proofs (
    number INTEGER PRIMARY KEY,
    import_id TEXT NOT NULL,
    account TEXT NOT NULL,
    statement_id TEXT NOT NULL,
    holds INTEGER NOT NULL,
    record BLOB NOT NULL,
    UNIQUE (import_id, account, statement_id)
) STRICT;
CREATE INDEX IF NOT EXISTS proofs_of_an_import ON proofs (import_id, holds, number);
