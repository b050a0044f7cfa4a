-- open_books: made once; later starts find the same books.
INSERT INTO books (only_one, books_id, salt) VALUES (1, :books_id, :salt) ON CONFLICT DO NOTHING;

-- read_books: who we are.
SELECT books_id, salt FROM books;

-- shorten_references: as they are written now, so that a transfer of before is found under either form.
UPDATE transfers SET reference = replace(reference, '-', '') WHERE instr(reference, '-') > 0;

-- open_account: an account is opened when it is first seen.
INSERT INTO accounts (number_hash, routing_number, last4, holder, account_type, opened_at_us)
VALUES (:number_hash, :routing_number, :last4, :holder, :account_type, :opened_at_us)
ON CONFLICT (number_hash) DO NOTHING;

-- take_transfer: a reference is taken once, however often it is sent.
INSERT INTO transfers (
    reference, payment_key, rail, amount_minor, currency, debit_account, credit_account,
    scenario, code, state, received_at_us, settles_at_us, returns_at_us, next_at_us
)
SELECT
    :reference, :payment_key, :rail, :amount_minor, :currency,
    (SELECT account_id FROM accounts WHERE number_hash = :debit_hash),
    (SELECT account_id FROM accounts WHERE number_hash = :credit_hash),
    :scenario, :code, 'in_progress', :received_at_us, :settles_at_us, :returns_at_us, :next_at_us
ON CONFLICT (reference) DO NOTHING;

-- standings: what is known of some references, with their outcomes, oldest first.
SELECT
    t.reference, t.payment_key, t.scenario, coalesce(f.booked_minor, t.amount_minor) AS amount_minor, t.transfer_id,
    o.sequence, o.result, o.code, o.reason, o.occurred_at_us,
    coalesce(f.is_dropped AND NOT f.is_told_later, 0) AS is_withheld
FROM json_each(?) AS asked
JOIN transfers AS t ON t.reference = asked.value
LEFT JOIN transfer_faults AS f ON f.reference = t.reference
LEFT JOIN outcomes AS o ON o.transfer_id = t.transfer_id
ORDER BY t.transfer_id, o.sequence;

-- due: what is to be done by now, in the order of its time, so that the feed's order follows from the books.
SELECT
    t.transfer_id, coalesce(f.booked_minor, t.amount_minor) AS amount_minor, t.debit_account, t.credit_account,
    t.scenario, t.code, t.state, t.settles_at_us, t.returns_at_us,
    coalesce(f.is_dropped, 0) AS is_dropped, coalesce(f.is_doubled, 0) AS is_doubled
FROM transfers AS t LEFT JOIN transfer_faults AS f ON f.reference = t.reference
WHERE t.next_at_us <= ?
ORDER BY t.next_at_us, t.transfer_id
LIMIT ?;

-- next_due: when there is next something to do.
SELECT min(next_at_us) FROM transfers WHERE next_at_us IS NOT NULL;

-- advance: the transfer's state after what was due.
UPDATE transfers SET state = :state, next_at_us = :next_at_us WHERE transfer_id = :transfer_id;

-- post: one line of a booking. A second booking of the same kind would violate the key: the books refuse to pay twice.
INSERT INTO entries (transfer_id, booking, line, account_id, amount_minor, booked_at_us)
VALUES (:transfer_id, :booking, :line, :account_id, :amount_minor, :booked_at_us);

-- post_again: one line of a booking that is made twice because somebody asked for it.
INSERT INTO second_entries (transfer_id, line, account_id, amount_minor, booked_at_us)
VALUES (:transfer_id, :line, :account_id, :amount_minor, :booked_at_us);

-- change_balance: kept beside the entries; GET /books proves that they agree.
UPDATE accounts SET balance_minor = balance_minor + :amount_minor WHERE account_id = :account_id;

-- tell: what happened, behind everything told before.
INSERT INTO outcomes (transfer_id, result, code, reason, occurred_at_us, is_told)
VALUES (:transfer_id, :result, :code, :reason, :occurred_at_us, :is_told);

-- feed: the outcomes behind a cursor.
SELECT
    o.sequence, t.reference, t.payment_key, coalesce(f.booked_minor, t.amount_minor) AS amount_minor, t.transfer_id,
    o.result, o.code, o.reason, o.occurred_at_us
FROM outcomes AS o JOIN transfers AS t ON t.transfer_id = o.transfer_id
LEFT JOIN transfer_faults AS f ON f.reference = t.reference
WHERE o.sequence > ? AND o.is_told = 1
ORDER BY o.sequence
LIMIT ?;

-- list_accounts: a page of accounts, each with the sum of its entries beside its balance.
SELECT
    a.account_id, a.routing_number, a.last4, a.holder, a.account_type, a.opened_at_us, a.balance_minor,
    -- Not from the view of all: SQLite would read it whole, for each account.
    (SELECT coalesce(sum(e.amount_minor), 0) FROM entries AS e WHERE e.account_id = a.account_id)
    + (SELECT coalesce(sum(s.amount_minor), 0) FROM second_entries AS s WHERE s.account_id = a.account_id)
    + (SELECT coalesce(sum(p.amount_minor), 0) FROM ach_postings AS p WHERE p.account_id = a.account_id)
    + (SELECT coalesce(sum(d.amount_minor), 0) FROM ach_dispute_postings AS d WHERE d.account_id = a.account_id)
        AS entries_minor
FROM accounts AS a
WHERE a.account_id > ?
ORDER BY a.account_id
LIMIT ?;

-- list_transfers: a page of transfers, each with the sum of its entries, which is zero.
SELECT
    t.transfer_id, t.reference, t.payment_key, t.rail, t.amount_minor, t.currency, t.debit_account, t.credit_account,
    t.scenario, t.code, t.state, t.received_at_us, t.settles_at_us, t.returns_at_us,
    (SELECT count(*) FROM entries AS e WHERE e.transfer_id = t.transfer_id) AS entries,
    (SELECT coalesce(sum(e.amount_minor), 0) FROM entries AS e WHERE e.transfer_id = t.transfer_id) AS entries_minor
FROM transfers AS t
WHERE t.transfer_id > ?
ORDER BY t.transfer_id
LIMIT ?;

-- totals: the proof that the books balance: entries_minor and balances_minor are zero, credits equal debits.
SELECT
    (SELECT count(*) FROM accounts) AS accounts,
    (SELECT count(*) FROM transfers) AS transfers,
    (SELECT count(*) FROM ach_entries) AS ach_entries,
    (SELECT count(*) FROM transfers WHERE next_at_us IS NOT NULL)
    + (SELECT count(*) FROM ach_entries WHERE next_at_us IS NOT NULL)
    + (SELECT count(*) FROM ach_disputes WHERE next_at_us IS NOT NULL) AS awaiting,
    (SELECT count(*) FROM transfers WHERE state = 'returned')
    + (SELECT count(*) FROM ach_entries WHERE state = 'returned') AS returned,
    (SELECT count(*) FROM booked) AS entries,
    (SELECT coalesce(sum(amount_minor), 0) FROM booked) AS entries_minor,
    (SELECT coalesce(sum(balance_minor), 0) FROM accounts) AS balances_minor,
    (SELECT coalesce(sum(amount_minor), 0) FROM booked WHERE amount_minor > 0) AS credits_minor,
    (SELECT coalesce(-sum(amount_minor), 0) FROM booked WHERE amount_minor < 0) AS debits_minor;
