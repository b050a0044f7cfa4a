-- The simulated bank's books. Times are microseconds since the epoch, UTC; amounts are cents.

-- This set of books: a cursor into other books means nothing here. The salt keeps account numbers out of the file.
CREATE TABLE IF NOT EXISTS books (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    books_id TEXT NOT NULL,
    salt BLOB NOT NULL
) STRICT;

-- An account is opened when it is first seen, empty, and may be overdrawn: so all balances always sum to zero.
CREATE TABLE IF NOT EXISTS accounts (
    account_id INTEGER PRIMARY KEY,
    number_hash BLOB NOT NULL UNIQUE,
    routing_number TEXT NOT NULL,
    last4 TEXT NOT NULL,
    holder TEXT NOT NULL,
    account_type TEXT NOT NULL,
    opened_at_us INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row a reference, however often it is sent. next_at_us: when something is to be done; null when nothing more is.
CREATE TABLE IF NOT EXISTS transfers (
    transfer_id INTEGER PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    payment_key TEXT NOT NULL,
    rail TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    debit_account INTEGER NOT NULL REFERENCES accounts,
    credit_account INTEGER NOT NULL REFERENCES accounts,
    scenario TEXT NOT NULL,
    code TEXT,
    state TEXT NOT NULL CHECK (state IN ('in_progress', 'settled', 'rejected', 'returned')),
    received_at_us INTEGER NOT NULL,
    settles_at_us INTEGER NOT NULL,
    returns_at_us INTEGER,
    next_at_us INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS transfers_due ON transfers (next_at_us, transfer_id) WHERE next_at_us IS NOT NULL;

-- Double entry: two lines a booking, whose signed amounts (credits positive) sum to zero. A transfer settles and returns once.
CREATE TABLE IF NOT EXISTS entries (
    transfer_id INTEGER NOT NULL REFERENCES transfers,
    booking TEXT NOT NULL CHECK (booking IN ('settled', 'returned')),
    line INTEGER NOT NULL CHECK (line IN (1, 2)),
    account_id INTEGER NOT NULL REFERENCES accounts,
    amount_minor INTEGER NOT NULL,
    booked_at_us INTEGER NOT NULL,
    PRIMARY KEY (transfer_id, booking, line)
) STRICT, WITHOUT ROWID;

-- What happened, in the order in which it is told. is_told = 0: only asking tells.
CREATE TABLE IF NOT EXISTS outcomes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    transfer_id INTEGER NOT NULL REFERENCES transfers,
    result TEXT NOT NULL,
    code TEXT,
    reason TEXT,
    occurred_at_us INTEGER NOT NULL,
    is_told INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outcomes_of_a_transfer ON outcomes (transfer_id);
CREATE INDEX IF NOT EXISTS entries_of_an_account ON entries (account_id);

-- How often what goes wrong with transfers, because somebody asked for it: shares of those that are taken from now on.
CREATE TABLE IF NOT EXISTS fault_rates (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    dropped REAL NOT NULL,
    doubled REAL NOT NULL,
    changed REAL NOT NULL,
    seed INTEGER NOT NULL
) STRICT;

-- The bank's own record of what went wrong. booked_minor: what it books, which need not be what it was told to.
CREATE TABLE IF NOT EXISTS transfer_faults (
    reference TEXT PRIMARY KEY,
    is_dropped INTEGER NOT NULL,
    is_doubled INTEGER NOT NULL,
    booked_minor INTEGER NOT NULL,
    is_told_later INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Double entry of what is booked a second time: the key of entries would refuse it.
CREATE TABLE IF NOT EXISTS second_entries (
    transfer_id INTEGER NOT NULL REFERENCES transfers,
    line INTEGER NOT NULL CHECK (line IN (1, 2)),
    account_id INTEGER NOT NULL REFERENCES accounts,
    amount_minor INTEGER NOT NULL,
    booked_at_us INTEGER NOT NULL,
    PRIMARY KEY (transfer_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS second_entries_of_an_account ON second_entries (account_id);
