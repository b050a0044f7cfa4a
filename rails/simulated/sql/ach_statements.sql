-- keep_file: the same bytes, another file of the same name, or of the same sender, day and id, is not kept.
INSERT INTO ach_files (
    direction, name, sha256, destination, origin, created_on, file_id, header, entries, debit_minor, credit_minor,
    at_us, data
) VALUES (
    :direction, :name, :sha256, :destination, :origin, :created_on, :file_id, :header, :entries, :debit_minor,
    :credit_minor, :at_us, :data
)
ON CONFLICT DO NOTHING;

-- file_of_bytes: a file that came, by its bytes.
SELECT * FROM ach_files WHERE direction = 'in' AND sha256 = ?;

-- file_of_id: a file, by what a sender may use once.
SELECT * FROM ach_files
WHERE direction = :direction AND destination = :destination AND origin = :origin
AND created_on = :created_on AND file_id = :file_id;

-- file: a file with its bytes.
SELECT * FROM ach_files WHERE name = ?;

-- next_file_number: from which a name is made.
SELECT coalesce(max(file_number), 0) + 1 FROM ach_files;

-- files_written: how many file ids of a day are used.
SELECT count(*) FROM ach_files
WHERE direction = 'out' AND destination = :destination AND origin = :origin AND created_on = :created_on;

-- list_files: a page of files, the newest first, each with its entries that are not posted yet.
SELECT
    f.file_number, f.direction, f.name, lower(hex(f.sha256)) AS sha256, f.destination, f.origin, f.created_on, f.file_id,
    f.entries, f.debit_minor, f.credit_minor, f.at_us, length(f.data) AS bytes,
    (SELECT count(*) FROM ach_entries AS e WHERE e.file_number = f.file_number AND e.state = 'received') AS not_posted,
    (SELECT count(*) FROM ach_entries AS e WHERE e.file_number = f.file_number AND e.state = 'returned') AS returned
FROM ach_files AS f
WHERE f.file_number < ?
ORDER BY f.file_number DESC
LIMIT ?;

-- to_hand_over: the files that the bank wrote and has not put anywhere, oldest first.
SELECT name, data FROM ach_files WHERE direction = 'out' AND is_handed_over = 0 ORDER BY file_number LIMIT 1;

-- handed_over: the file lies where its receiver looks.
UPDATE ach_files SET is_handed_over = 1 WHERE name = ?;

-- refuse_file: told once, however often the same file is tried.
INSERT INTO ach_refusals (name, sha256, faults, at_us) VALUES (:name, :sha256, :faults, :at_us) ON CONFLICT DO NOTHING;

-- list_refusals: the newest files that were not taken.
SELECT name, lower(hex(sha256)) AS sha256, faults, at_us FROM ach_refusals ORDER BY refusal_id DESC LIMIT ?;

-- keep_batch: a batch of a file that was kept.
INSERT INTO ach_batches (file_number, batch_number, header, company_account)
VALUES (
    :file_number, :batch_number, :header, (SELECT account_id FROM accounts WHERE number_hash = :company_hash)
);

-- keep_entry: an entry of a file that was kept.
INSERT INTO ach_entries (
    file_number, batch_number, line, trace_number, identification, account_id, is_debit, amount_minor, record, scenario,
    code, state, settles_at_us, answers_at_us, next_at_us
) VALUES (
    :file_number, :batch_number, :line, :trace_number, :identification,
    (SELECT account_id FROM accounts WHERE number_hash = :number_hash), :is_debit, :amount_minor, :record, :scenario,
    :code, 'received', :settles_at_us, :answers_at_us, :next_at_us
);

-- entries_due: what is to be done by now, in the order of its time.
SELECT
    e.entry_id, e.account_id, b.company_account, e.is_debit, e.amount_minor, e.scenario, e.code, e.state,
    e.settles_at_us, e.answers_at_us, e.trace_number, e.identification
FROM ach_entries AS e
JOIN ach_batches AS b ON b.file_number = e.file_number AND b.batch_number = e.batch_number
WHERE e.next_at_us <= ?
ORDER BY e.next_at_us, e.entry_id
LIMIT ?;

-- next_entry_due: when there is next something to do.
SELECT min(next_at_us) FROM (
    SELECT min(next_at_us) AS next_at_us FROM ach_entries WHERE next_at_us IS NOT NULL
    UNION ALL
    SELECT min(next_at_us) FROM ach_disputes WHERE next_at_us IS NOT NULL
);

-- move_entry: its state after what was due; a fault may have changed what comes next.
UPDATE ach_entries SET
    state = :state, next_at_us = :next_at_us, scenario = :scenario, code = :code, answers_at_us = :answers_at_us
WHERE entry_id = :entry_id;

-- post_entry: one line of a booking. A second booking of the same kind would violate the key.
INSERT INTO ach_postings (entry_id, booking, line, account_id, amount_minor, booked_at_us)
VALUES (:entry_id, :booking, :line, :account_id, :amount_minor, :booked_at_us);

-- answer_entry: what will stand in a file.
INSERT INTO ach_answers (entry_id, kind, copy, code, amount_minor, due_at_us)
VALUES (:entry_id, :kind, :copy, :code, :amount_minor, :due_at_us);

-- first_answer: the answer that waits for a file since when, and for whose.
SELECT a.due_at_us, a.copy, f.destination, f.origin, f.header
FROM ach_answers AS a
JOIN ach_entries AS e ON e.entry_id = a.entry_id
JOIN ach_files AS f ON f.file_number = e.file_number
WHERE a.file_number IS NULL
ORDER BY a.due_at_us, a.copy, f.destination, f.origin, a.answer_id
LIMIT 1;

-- answers_waiting: what goes into one file: all that waits since the same time, for the same sender of files.
SELECT
    a.answer_id, a.kind, a.code, a.amount_minor, e.record, e.settles_at_us, e.file_number AS of_file, e.batch_number,
    b.header AS batch_header
FROM ach_answers AS a
JOIN ach_entries AS e ON e.entry_id = a.entry_id
JOIN ach_batches AS b ON b.file_number = e.file_number AND b.batch_number = e.batch_number
JOIN ach_files AS f ON f.file_number = e.file_number
WHERE a.file_number IS NULL AND a.due_at_us = :due_at_us AND a.copy = :copy
AND f.destination = :destination AND f.origin = :origin
ORDER BY a.answer_id
LIMIT :most;

-- file_answer: it stands in this file.
UPDATE ach_answers SET file_number = :file_number WHERE answer_id = :answer_id;

-- ach_counts: how much of what the bank knows of ACH is where.
SELECT
    (SELECT count(*) FROM ach_files WHERE direction = 'in') AS files_taken,
    (SELECT count(*) FROM ach_files WHERE direction = 'out') AS files_written,
    (SELECT count(*) FROM ach_entries) AS entries,
    (SELECT count(*) FROM ach_entries WHERE state = 'received') AS not_posted,
    (SELECT count(*) FROM ach_answers) + (SELECT count(*) FROM ach_disputes WHERE state = 'contested') AS answers,
    (SELECT count(*) FROM ach_answers WHERE file_number IS NULL)
    + (SELECT count(*) FROM ach_disputes WHERE state = 'contested' AND contest_file IS NULL) AS answers_waiting;

-- set_fault: it counts from now on.
INSERT INTO ach_faults (kind, reference, entries_left, code, from_us, until_us, set_at_us)
VALUES (:kind, :reference, :entries_left, :code, :from_us, :until_us, :set_at_us);

-- list_faults: the newest first, those that have happened too.
SELECT * FROM ach_faults ORDER BY fault_id DESC LIMIT ?;

-- open_faults: those that still wait for entries, oldest first.
SELECT * FROM ach_faults WHERE entries_left > 0 ORDER BY fault_id;

-- outages: when the bank is not to be reached.
SELECT from_us, until_us FROM ach_faults WHERE kind = 'outage';

-- use_fault: it happened to so many entries. More than were left would violate the check.
UPDATE ach_faults SET entries_left = entries_left - :entries WHERE fault_id = :fault_id;

-- remove_fault: it shall not happen any more.
DELETE FROM ach_faults WHERE fault_id = ?;
