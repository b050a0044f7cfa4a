-- The originator's book: what ach-origination says, folded. Times are microseconds since the epoch, UTC; amounts are cents.

-- Which log this is a fold of, and how far.
CREATE TABLE IF NOT EXISTS log (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    identity TEXT NOT NULL,
    next_offset INTEGER NOT NULL
) STRICT;

-- A payment. payer_account is a keyed hash, in hexadecimal digits. waits_from is the offset of the record that made its next entry wait, null when none waits; that entry goes
-- into no file before not_before_us, if that is set. retries counts how often the debit was, or is to be, presented again.
CREATE TABLE IF NOT EXISTS payments (
    number INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    payment_key TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    travels_by TEXT NOT NULL,
    is_refund INTEGER NOT NULL CHECK (is_refund IN (0, 1)),
    payer_account TEXT,
    phase TEXT NOT NULL,
    waits_from INTEGER,
    waits_since_us INTEGER,
    not_before_us INTEGER,
    retries INTEGER NOT NULL DEFAULT 0 CHECK (retries BETWEEN 0 AND 2),
    record BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS payments_in_order ON payments (travels_by, waits_from, number) WHERE waits_from IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_of_an_account ON payments (payer_account) WHERE payer_account IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_waiting ON payments (travels_by, waits_since_us) WHERE waits_from IS NOT NULL;

-- A file, from its cut-off on.
CREATE TABLE IF NOT EXISTS files (
    file_number INTEGER PRIMARY KEY,
    created_on TEXT NOT NULL,
    trace_bank TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    prenotes INTEGER NOT NULL,
    debits INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    give_backs INTEGER NOT NULL,
    dishonors INTEGER NOT NULL,
    debit_minor INTEGER NOT NULL,
    credit_minor INTEGER NOT NULL,
    sha256 BLOB,
    delivered_at_us INTEGER,
    settles_at_us INTEGER,
    settled_at_us INTEGER,
    record BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_of_a_day ON files (created_on);
CREATE INDEX IF NOT EXISTS files_undelivered ON files (file_number) WHERE delivered_at_us IS NULL;
CREATE INDEX IF NOT EXISTS files_unsettled ON files (settles_at_us)
    WHERE settles_at_us IS NOT NULL AND settled_at_us IS NULL;

-- An entry of a file. A payment has each leg in one file: a second one would violate the key. attempt tells its retries
-- apart: 1 or 2; it is 0 for every other leg.
CREATE TABLE IF NOT EXISTS entries (
    file_number INTEGER NOT NULL REFERENCES files,
    sequence INTEGER NOT NULL,
    payment INTEGER NOT NULL REFERENCES payments,
    leg TEXT NOT NULL CHECK (leg IN ('prenote', 'debit', 'retry', 'credit', 'give_back', 'dishonor')),
    attempt INTEGER NOT NULL,
    returned_code TEXT,
    returned_at_us INTEGER,
    PRIMARY KEY (file_number, sequence),
    UNIQUE (payment, leg, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_sequence ON entries (sequence, file_number);

-- Debits that came back, by why, and by the day (Eastern) on which we heard of it.
CREATE TABLE IF NOT EXISTS debits_returned (
    day TEXT NOT NULL,
    code TEXT NOT NULL,
    entries INTEGER NOT NULL,
    PRIMARY KEY (day, code)
) STRICT, WITHOUT ROWID;

-- What the gateway is told, in this order for good.
CREATE TABLE IF NOT EXISTS outcomes (
    sequence INTEGER PRIMARY KEY,
    payment INTEGER NOT NULL REFERENCES payments,
    result TEXT NOT NULL,
    entry_file INTEGER NOT NULL,
    entry_sequence INTEGER NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    FOREIGN KEY (entry_file, entry_sequence) REFERENCES entries
) STRICT;
CREATE INDEX IF NOT EXISTS outcomes_of_a_payment ON outcomes (payment);

-- What came back, by file and line, so that a file that is read twice changes nothing. problem: what a person has to see.
-- is_dishonored: the return is sent back; a payment has at most one such.
CREATE TABLE IF NOT EXISTS incoming (
    file_sha256 BLOB NOT NULL,
    line INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('return', 'notice')),
    code TEXT NOT NULL,
    original_trace_number TEXT NOT NULL,
    received_at_us INTEGER NOT NULL,
    payment INTEGER REFERENCES payments,
    leg TEXT,
    problem TEXT,
    is_dishonored INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (file_sha256, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incoming_dishonored ON incoming (payment) WHERE is_dishonored = 1;
CREATE INDEX IF NOT EXISTS incoming_problems ON incoming (problem) WHERE problem IS NOT NULL;
