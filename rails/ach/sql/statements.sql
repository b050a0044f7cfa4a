-- read_log: which log, and how far.
SELECT identity, next_offset FROM log;

-- adopt: from the first record of this log on.
INSERT INTO log (only_one, identity, next_offset) VALUES (1, :identity, 0);

-- advance: all before this offset is in the book.
UPDATE log SET next_offset = :next_offset;

-- take: a reference is taken once.
INSERT INTO payments (
    number, reference, payment_key, amount_minor, travels_by, is_refund, payer_account, phase, waits_from,
    waits_since_us, record
)
VALUES (
    :number, :reference, :payment_key, :amount_minor, :travels_by, :is_refund, :payer_account, :phase, :number,
    :waits_since_us, :record
)
ON CONFLICT (reference) DO NOTHING;

-- oldest_waiting: what waits on a rail, and may be filed by then, in the order in which it goes into files.
SELECT number, phase, amount_minor, is_refund, retries FROM payments
WHERE travels_by = :rail AND waits_from IS NOT NULL AND (not_before_us IS NULL OR not_before_us <= :by_us)
ORDER BY waits_from, number
LIMIT :most;

-- waits_since: since when the entry of a rail that waits longest does so.
SELECT min(waits_since_us) FROM payments WHERE travels_by = ? AND waits_from IS NOT NULL;

-- open_file: a file's numbers have no gaps; one that is there already would violate the key.
INSERT INTO files (
    file_number, created_on, trace_bank, last_sequence, prenotes, debits, retries, credits, give_backs, dishonors,
    debit_minor, credit_minor, record
)
VALUES (
    :file_number, :created_on, :trace_bank, :last_sequence, :prenotes, :debits, :retries, :credits, :give_backs,
    :dishonors, :debit_minor, :credit_minor, :record
);

-- file_entry: in exactly one file.
INSERT INTO entries (file_number, sequence, payment, leg, attempt)
VALUES (:file_number, :sequence, :payment, :leg, :attempt);

-- move: where a payment stands now, and since when its next entry waits.
UPDATE payments
SET phase = :phase, waits_from = :waits_from, waits_since_us = :waits_since_us, not_before_us = :not_before_us
WHERE number = :number;

-- postpone: its debit is to be presented once more.
UPDATE payments SET retries = retries + 1 WHERE number = ?;

-- deliver: once.
UPDATE files SET sha256 = :sha256, delivered_at_us = :delivered_at_us, settles_at_us = :settles_at_us
WHERE file_number = :file_number AND delivered_at_us IS NULL;

-- settle: once.
UPDATE files SET settled_at_us = :settled_at_us WHERE file_number = :file_number AND settled_at_us IS NULL;

-- to_settle: a file's entries that have not come back, and where their payments stand.
SELECT e.leg, p.number, p.phase FROM entries AS e JOIN payments AS p ON p.number = e.payment
WHERE e.file_number = ? AND e.returned_code IS NULL
ORDER BY e.sequence;

-- find_entry: the entry with this trace number; of several, since sequences begin anew after 9,999,999, the latest.
SELECT
    e.file_number, e.sequence, e.leg, e.returned_code, f.settles_at_us, p.number, p.phase, p.amount_minor, p.retries
FROM entries AS e JOIN files AS f ON f.file_number = e.file_number JOIN payments AS p ON p.number = e.payment
WHERE e.sequence = :sequence AND f.trace_bank = :trace_bank
ORDER BY e.file_number DESC
LIMIT 1;

-- mark_returned: why and when an entry came back.
UPDATE entries SET returned_code = :code, returned_at_us = :at_us
WHERE file_number = :file_number AND sequence = :sequence;

-- count_returned_debit: one more.
INSERT INTO debits_returned (day, code, entries) VALUES (:day, :code, 1)
ON CONFLICT (day, code) DO UPDATE SET entries = entries + 1;

-- latest_entry: the last of a payment's entries of some legs.
SELECT file_number, sequence, returned_at_us FROM entries
WHERE payment = :payment AND leg IN (:leg, :or_leg)
ORDER BY file_number DESC
LIMIT 1;

-- tell: behind everything told before.
INSERT INTO outcomes (payment, result, entry_file, entry_sequence, occurred_at_us)
VALUES (:payment, :result, :entry_file, :entry_sequence, :occurred_at_us);

-- note: a line of an incoming file is noted once.
INSERT INTO incoming (
    file_sha256, line, kind, code, original_trace_number, received_at_us, payment, leg, problem, is_dishonored, record
)
VALUES (
    :file_sha256, :line, :kind, :code, :original_trace_number, :received_at_us, :payment, :leg, :problem,
    :is_dishonored, :record
);

-- is_noted: whether a line of an incoming file was read before.
SELECT count(*) FROM incoming WHERE file_sha256 = :file_sha256 AND line = :line;

-- lines_noted: how many lines of an incoming file were read before.
SELECT line FROM incoming WHERE file_sha256 = ?;

-- known: which of some references were taken.
SELECT p.reference FROM json_each(?) AS asked JOIN payments AS p ON p.reference = asked.value;

-- standings: what is known of some references, with their outcomes, oldest first.
SELECT
    p.reference, p.payment_key, p.amount_minor,
    o.sequence AS told, o.result, o.occurred_at_us, e.returned_code, f.trace_bank, e.sequence
FROM json_each(?) AS asked
JOIN payments AS p ON p.reference = asked.value
LEFT JOIN outcomes AS o ON o.payment = p.number
LEFT JOIN entries AS e ON e.file_number = o.entry_file AND e.sequence = o.entry_sequence
LEFT JOIN files AS f ON f.file_number = e.file_number
ORDER BY p.number, o.sequence;

-- feed: the outcomes behind a sequence.
SELECT
    p.reference, p.payment_key, p.amount_minor,
    o.sequence AS told, o.result, o.occurred_at_us, e.returned_code, f.trace_bank, e.sequence
FROM outcomes AS o
JOIN payments AS p ON p.number = o.payment
JOIN entries AS e ON e.file_number = o.entry_file AND e.sequence = o.entry_sequence
JOIN files AS f ON f.file_number = e.file_number
WHERE o.sequence > ?
ORDER BY o.sequence
LIMIT ?;

-- last_file: from which the next one follows.
SELECT file_number, trace_bank, last_sequence FROM files ORDER BY file_number DESC LIMIT 1;

-- files_on: how many files were created on a day.
SELECT count(*) FROM files WHERE created_on = ?;

-- file: one file.
SELECT * FROM files WHERE file_number = ?;

-- undelivered: the files that are to be handed in, oldest first.
SELECT file_number FROM files WHERE delivered_at_us IS NULL ORDER BY file_number;

-- next_settlement: the delivered file that settles next.
SELECT file_number, settles_at_us FROM files
WHERE settles_at_us IS NOT NULL AND settled_at_us IS NULL
ORDER BY settles_at_us, file_number
LIMIT 1;

-- is_proven: whether an account was debited, and its bank did not say that there is no such account.
SELECT EXISTS (
    SELECT 1 FROM payments AS p JOIN entries AS e ON e.payment = p.number
    WHERE p.payer_account IN (SELECT value FROM json_each(:accounts)) AND e.leg IN ('debit', 'retry')
    AND (e.returned_code IS NULL OR e.returned_code NOT IN (SELECT value FROM json_each(:no_account)))
);

-- first_file: by which a payment was debited first.
SELECT f.record, f.settles_at_us FROM entries AS e JOIN files AS f ON f.file_number = e.file_number
WHERE e.payment = ? AND e.leg = 'debit';

-- parts_of: how many entries each batch of a file has.
SELECT e.leg, p.is_refund, count(*) AS entries FROM entries AS e JOIN payments AS p ON p.number = e.payment
WHERE e.file_number = ?
GROUP BY e.leg, p.is_refund;

-- entries_of: the payments of the entries of one batch of a file, in their order.
SELECT p.record FROM entries AS e JOIN payments AS p ON p.number = e.payment
WHERE e.file_number = :file_number AND e.leg = :leg AND p.is_refund = :is_refund
ORDER BY e.sequence;

-- dishonored_in: the returns that a file dishonors, with their payments, in their order.
SELECT p.record, i.record AS returned FROM entries AS e
JOIN payments AS p ON p.number = e.payment
JOIN incoming AS i ON i.payment = p.number AND i.is_dishonored = 1
WHERE e.file_number = :file_number AND e.leg = 'dishonor' AND p.is_refund = :is_refund
ORDER BY e.sequence;

-- debits_originated: those of files that were handed in, by the file's day.
SELECT created_on AS day, sum(debits + retries) AS entries FROM files
WHERE created_on BETWEEN :first AND :last AND delivered_at_us IS NOT NULL
GROUP BY created_on;

-- debits_returned: by day and why.
SELECT day, code, entries FROM debits_returned WHERE day BETWEEN :first AND :last;

-- phases: how many payments stand where.
SELECT phase, count(*) AS payments, sum(amount_minor) AS amount_minor FROM payments GROUP BY phase;

-- problems: what came back and could not be acted on, by why.
SELECT problem, count(*) AS lines FROM incoming WHERE problem IS NOT NULL GROUP BY problem;

-- problems_of: what of an incoming file could not be acted on.
SELECT line, kind, code, original_trace_number, problem FROM incoming
WHERE file_sha256 = ? AND problem IS NOT NULL
ORDER BY line;

-- list_incoming: a page of what came back.
SELECT
    i.file_sha256, i.line, i.kind, i.code, i.original_trace_number, i.received_at_us, p.reference, i.leg, i.problem,
    i.is_dishonored
FROM incoming AS i LEFT JOIN payments AS p ON p.number = i.payment
ORDER BY i.received_at_us, i.file_sha256, i.line
LIMIT :limit OFFSET :offset;

-- list_files: a page of files.
SELECT
    file_number, created_on, prenotes, debits, retries, credits, give_backs, dishonors, debit_minor, credit_minor,
    delivered_at_us, settles_at_us, settled_at_us, record
FROM files
WHERE file_number > ?
ORDER BY file_number
LIMIT ?;
