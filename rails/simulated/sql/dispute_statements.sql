-- returned_entry: the entry whose return is named, and stands; of several with this trace number, the latest.
SELECT e.entry_id, e.scenario, e.code, e.answers_at_us FROM ach_entries AS e
LEFT JOIN ach_disputes AS d ON d.entry_id = e.entry_id
WHERE e.trace_number = :trace_number AND e.state = 'returned' AND e.code = :code AND e.amount_minor = :amount_minor
AND d.entry_id IS NULL
ORDER BY e.entry_id DESC
LIMIT 1;

-- keep_dispute: a return is dishonored once; a second time would violate the key.
INSERT INTO ach_disputes (
    entry_id, file_number, batch_number, record, settles_at_us, contest_code, contests_at_us, state, next_at_us
) VALUES (
    :entry_id, :file_number, :batch_number, :record, :settles_at_us, :contest_code, :contests_at_us, 'received',
    :settles_at_us
);

-- disputes_due: what is to be done by now, in the order of its time.
SELECT
    d.dispute_id, d.state, d.settles_at_us, d.contests_at_us, e.account_id, b.company_account, e.is_debit,
    e.amount_minor
FROM ach_disputes AS d
JOIN ach_entries AS e ON e.entry_id = d.entry_id
JOIN ach_batches AS b ON b.file_number = e.file_number AND b.batch_number = e.batch_number
WHERE d.next_at_us <= ?
ORDER BY d.next_at_us, d.dispute_id
LIMIT ?;

-- post_dispute: one line of a booking. A second booking of the same kind would violate the key.
INSERT INTO ach_dispute_postings (dispute_id, booking, line, account_id, amount_minor, booked_at_us)
VALUES (:dispute_id, :booking, :line, :account_id, :amount_minor, :booked_at_us);

-- move_dispute: its state after what was due.
UPDATE ach_disputes SET state = :state, next_at_us = :next_at_us WHERE dispute_id = :dispute_id;

-- first_contest: the contest that waits for a file since when, and for whose.
SELECT d.contests_at_us AS due_at_us, f.destination, f.origin, f.header
FROM ach_disputes AS d JOIN ach_files AS f ON f.file_number = d.file_number
WHERE d.state = 'contested' AND d.contest_file IS NULL
ORDER BY d.contests_at_us, f.destination, f.origin, d.dispute_id
LIMIT 1;

-- contests_waiting: what goes into one file: all that waits since the same time, for the same sender of files.
SELECT
    d.dispute_id, d.contest_code, d.record, d.settles_at_us, d.file_number, d.batch_number, b.header AS batch_header,
    e.amount_minor, e.settles_at_us AS entry_settles_at_us, e.answers_at_us
FROM ach_disputes AS d
JOIN ach_batches AS b ON b.file_number = d.file_number AND b.batch_number = d.batch_number
JOIN ach_files AS f ON f.file_number = d.file_number
JOIN ach_entries AS e ON e.entry_id = d.entry_id
WHERE d.state = 'contested' AND d.contest_file IS NULL AND d.contests_at_us = :due_at_us
AND f.destination = :destination AND f.origin = :origin
ORDER BY d.dispute_id
LIMIT :most;

-- file_contest: it stands in this file.
UPDATE ach_disputes SET contest_file = :file_number WHERE dispute_id = :dispute_id;
