-- ACH in the simulated bank's books. Files, batches and entries hold account numbers in clear, because what comes back
-- has to name them.

-- What came in and what the bank wrote, as it was. A file is known by its bytes, and by who sent it, its day and its id.
CREATE TABLE IF NOT EXISTS ach_files (
    file_number INTEGER PRIMARY KEY,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    name TEXT NOT NULL UNIQUE,
    sha256 BLOB NOT NULL,
    destination TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_on TEXT NOT NULL,
    file_id TEXT NOT NULL,
    header BLOB NOT NULL,
    entries INTEGER NOT NULL,
    debit_minor INTEGER NOT NULL,
    credit_minor INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    is_handed_over INTEGER NOT NULL DEFAULT 0,
    data BLOB NOT NULL,
    UNIQUE (direction, destination, origin, created_on, file_id)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS ach_files_taken ON ach_files (sha256) WHERE direction = 'in';
CREATE INDEX IF NOT EXISTS ach_files_to_hand_over ON ach_files (file_number)
WHERE direction = 'out' AND is_handed_over = 0;

-- Files that were not taken, and why.
CREATE TABLE IF NOT EXISTS ach_refusals (
    refusal_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    faults BLOB NOT NULL,
    at_us INTEGER NOT NULL,
    UNIQUE (name, sha256)
) STRICT;

-- The account of a batch is its company's: what its debits bring and its credits take.
CREATE TABLE IF NOT EXISTS ach_batches (
    file_number INTEGER NOT NULL REFERENCES ach_files,
    batch_number INTEGER NOT NULL,
    header BLOB NOT NULL,
    company_account INTEGER NOT NULL REFERENCES accounts,
    PRIMARY KEY (file_number, batch_number)
) STRICT, WITHOUT ROWID;

-- One row an entry. next_at_us: when something is to be done; null when nothing more is.
CREATE TABLE IF NOT EXISTS ach_entries (
    entry_id INTEGER PRIMARY KEY,
    file_number INTEGER NOT NULL,
    batch_number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    trace_number TEXT NOT NULL,
    identification TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts,
    is_debit INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    record BLOB NOT NULL,
    scenario TEXT NOT NULL,
    code TEXT,
    state TEXT NOT NULL CHECK (state IN ('received', 'posted', 'returned')),
    settles_at_us INTEGER NOT NULL,
    answers_at_us INTEGER,
    next_at_us INTEGER,
    UNIQUE (file_number, line),
    FOREIGN KEY (file_number, batch_number) REFERENCES ach_batches
) STRICT;
CREATE INDEX IF NOT EXISTS ach_entries_due ON ach_entries (next_at_us, entry_id) WHERE next_at_us IS NOT NULL;
-- How far a file has come is counted by what is left and by what came back, not by all of its entries.
CREATE INDEX IF NOT EXISTS ach_entries_received ON ach_entries (file_number) WHERE state = 'received';
CREATE INDEX IF NOT EXISTS ach_entries_returned ON ach_entries (file_number) WHERE state = 'returned';

-- Double entry, as of transfers: an entry is posted once and comes back once.
CREATE TABLE IF NOT EXISTS ach_postings (
    entry_id INTEGER NOT NULL REFERENCES ach_entries,
    booking TEXT NOT NULL CHECK (booking IN ('posted', 'returned')),
    line INTEGER NOT NULL CHECK (line IN (1, 2)),
    account_id INTEGER NOT NULL REFERENCES accounts,
    amount_minor INTEGER NOT NULL,
    booked_at_us INTEGER NOT NULL,
    PRIMARY KEY (entry_id, booking, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ach_postings_of_an_account ON ach_postings (account_id);

-- What the bank answers to entries. file_number is null until it stands in a file; copy 2 is one that is sent twice.
CREATE TABLE IF NOT EXISTS ach_answers (
    answer_id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id INTEGER NOT NULL REFERENCES ach_entries,
    kind TEXT NOT NULL CHECK (kind IN ('return', 'change')),
    copy INTEGER NOT NULL CHECK (copy IN (1, 2)),
    code TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    due_at_us INTEGER NOT NULL,
    file_number INTEGER REFERENCES ach_files,
    UNIQUE (entry_id, kind, copy)
) STRICT;
CREATE INDEX IF NOT EXISTS ach_answers_waiting ON ach_answers (due_at_us) WHERE file_number IS NULL;

-- Returns of entries that their sender does not take: a dishonored return, as it came, which may be contested.
CREATE TABLE IF NOT EXISTS ach_disputes (
    dispute_id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id INTEGER NOT NULL UNIQUE REFERENCES ach_entries,
    file_number INTEGER NOT NULL,
    batch_number INTEGER NOT NULL,
    record BLOB NOT NULL,
    settles_at_us INTEGER NOT NULL,
    contest_code TEXT,
    contests_at_us INTEGER,
    contest_file INTEGER REFERENCES ach_files,
    state TEXT NOT NULL CHECK (state IN ('received', 'dishonored', 'contested')),
    next_at_us INTEGER,
    FOREIGN KEY (file_number, batch_number) REFERENCES ach_batches
) STRICT;
CREATE INDEX IF NOT EXISTS ach_disputes_due ON ach_disputes (next_at_us, dispute_id) WHERE next_at_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS ach_contests_waiting ON ach_disputes (contests_at_us)
WHERE state = 'contested' AND contest_file IS NULL;
CREATE INDEX IF NOT EXISTS ach_entries_back ON ach_entries (trace_number) WHERE state = 'returned';

-- Double entry of disputes: a return is undone once, and comes to be once more.
CREATE TABLE IF NOT EXISTS ach_dispute_postings (
    dispute_id INTEGER NOT NULL REFERENCES ach_disputes,
    booking TEXT NOT NULL CHECK (booking IN ('dishonored', 'contested')),
    line INTEGER NOT NULL CHECK (line IN (1, 2)),
    account_id INTEGER NOT NULL REFERENCES accounts,
    amount_minor INTEGER NOT NULL,
    booked_at_us INTEGER NOT NULL,
    PRIMARY KEY (dispute_id, booking, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ach_dispute_postings_of_an_account ON ach_dispute_postings (account_id);

-- Every line of every booking, of transfers and of ACH entries. Made anew: books of earlier releases have another.
DROP VIEW IF EXISTS booked;
CREATE VIEW booked AS
SELECT account_id, amount_minor, booked_at_us FROM entries
UNION ALL
SELECT account_id, amount_minor, booked_at_us FROM second_entries
UNION ALL
SELECT account_id, amount_minor, booked_at_us FROM ach_postings
UNION ALL
SELECT account_id, amount_minor, booked_at_us FROM ach_dispute_postings;

-- What somebody asked to go wrong: for so many entries yet, of any reference or of one; or an outage from until.
CREATE TABLE IF NOT EXISTS ach_faults (
    fault_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    reference TEXT,
    entries_left INTEGER NOT NULL CHECK (entries_left >= 0),
    code TEXT,
    from_us INTEGER,
    until_us INTEGER,
    set_at_us INTEGER NOT NULL,
    CHECK ((kind = 'outage') = (from_us IS NOT NULL AND until_us IS NOT NULL))
) STRICT;
