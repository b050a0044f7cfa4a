-- accounts_of_a_day: the accounts on which something was booked from a time until another, and what they held before.
SELECT
    account_id,
    sum(CASE WHEN booked_at_us < :from_us THEN amount_minor ELSE 0 END) AS opening_minor,
    sum(booked_at_us >= :from_us) AS lines
FROM booked
WHERE booked_at_us < :until_us AND (:account_id IS NULL OR account_id = :account_id)
GROUP BY account_id
HAVING sum(booked_at_us >= :from_us) > 0
ORDER BY account_id;

-- transfers_of_a_day: what was booked of transfers, once and a second time.
SELECT
    e.account_id, e.booked_at_us, e.booking, e.is_second, e.amount_minor, t.transfer_id, t.reference, t.rail, t.code
FROM (
    SELECT transfer_id, line, account_id, amount_minor, booked_at_us, booking, 0 AS is_second FROM entries
    UNION ALL
    SELECT transfer_id, line, account_id, amount_minor, booked_at_us, 'settled', 1 FROM second_entries
) AS e JOIN transfers AS t ON t.transfer_id = e.transfer_id
WHERE e.booked_at_us >= :from_us AND e.booked_at_us < :until_us
AND (:account_id IS NULL OR e.account_id = :account_id)
ORDER BY e.transfer_id, e.booking, e.is_second, e.line;

-- entries_of_a_day: what was booked of ACH entries, those of a batch together. The company's side is line 2.
SELECT
    p.account_id, p.booked_at_us, p.booking, p.amount_minor, p.line = 2 AS is_company,
    e.entry_id, e.trace_number, e.code, e.record, e.file_number, e.batch_number, f.created_on, f.file_id
FROM ach_postings AS p
JOIN ach_entries AS e ON e.entry_id = p.entry_id
JOIN ach_files AS f ON f.file_number = e.file_number
WHERE p.booked_at_us >= :from_us AND p.booked_at_us < :until_us
AND (:account_id IS NULL OR p.account_id = :account_id)
ORDER BY e.file_number, e.batch_number, p.entry_id, p.booking, p.line;

-- disputes_of_a_day: what was booked of dishonored returns, with the entry that came back.
SELECT
    p.account_id, p.booked_at_us, p.booking, p.amount_minor, e.entry_id, e.trace_number, d.contest_code, e.record
FROM ach_dispute_postings AS p
JOIN ach_disputes AS d ON d.dispute_id = p.dispute_id
JOIN ach_entries AS e ON e.entry_id = d.entry_id
WHERE p.booked_at_us >= :from_us AND p.booked_at_us < :until_us
AND (:account_id IS NULL OR p.account_id = :account_id)
ORDER BY p.dispute_id, p.booking, p.line;
