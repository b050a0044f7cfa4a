-- read_log: whose book this is, and where the topic is read on.
SELECT identity, next_offset FROM log;

-- adopt: the first start.
INSERT INTO log (only_one, identity, next_offset) VALUES (1, :identity, 0);

-- advance: all before this offset is in the book.
UPDATE log SET next_offset = :next_offset;

-- read_positions: from where payment-events is read on.
SELECT partition, next_offset FROM partitions;

-- save_position: all of the partition before this offset is in the book.
INSERT INTO partitions (partition, next_offset) VALUES (:partition, :next_offset)
ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset;

-- keep_payment: the newest record of a payment.
INSERT INTO payments (
    payment_id, tenant_id, idempotency_key, rail, amount_minor, currency, status, attempt, payer_account_id,
    payee_account_id, claimed_day, settled_day, ended_day, bank_reference, history
)
VALUES (
    :payment_id, :tenant_id, :idempotency_key, :rail, :amount_minor, :currency, :status, :attempt, :payer_account_id,
    :payee_account_id, :claimed_day, :settled_day, :ended_day, :bank_reference, :history
)
ON CONFLICT (payment_id) DO UPDATE SET
    status = excluded.status, attempt = excluded.attempt, claimed_day = excluded.claimed_day,
    settled_day = excluded.settled_day, ended_day = excluded.ended_day, bank_reference = excluded.bank_reference,
    history = excluded.history;

-- payment: of this tenant, or of any.
SELECT * FROM payments WHERE payment_id = :payment_id AND :tenant_id IN ('', tenant_id);

-- by_bank_reference: whose money moved in these days; two are as good as none.
SELECT * FROM payments
WHERE bank_reference = :bank_reference AND :tenant_id IN ('', tenant_id)
    AND (
        claimed_day BETWEEN :first_day AND :last_day
        OR settled_day BETWEEN :first_day AND :last_day
        OR ended_day BETWEEN :first_day AND :last_day
    )
LIMIT 2;

-- like_it: settled on that day with that amount, and no booking has its leg; two are as good as none.
SELECT payment_id FROM payments
WHERE settled_day = :day AND amount_minor = :amount_minor AND currency = :currency AND :tenant_id IN ('', tenant_id)
    AND NOT EXISTS (
        SELECT 1 FROM findings
        WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
            AND side = :side AND movement = 'settled' AND verdict IN ('matched', 'repaired', 'mismatched')
    )
LIMIT 2;

-- not_booked: payments that were settled on that day, and neither of whose sides is booked; or not the payee's, where
-- an account of ours shows the payer's only.
SELECT payments.* FROM payments
WHERE settled_day = :day AND :tenant_id IN ('', payments.tenant_id) AND payment_id > :after
    AND (
        NOT EXISTS (
            SELECT 1 FROM findings
            WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
                AND movement = 'settled' AND verdict IN ('matched', 'repaired', 'mismatched')
        )
        OR EXISTS (
            SELECT 1 FROM findings
            WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
                AND side = 'payer' AND movement = 'settled' AND is_own
                AND verdict IN ('matched', 'repaired', 'mismatched')
        )
        AND NOT EXISTS (
            SELECT 1 FROM findings
            WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
                AND side = 'payee' AND movement = 'settled' AND verdict IN ('matched', 'repaired', 'mismatched')
        )
    )
ORDER BY payment_id LIMIT :limit;

-- not_given_back: payments that came back on that day: of one that was settled nothing is booked, of one that was not
-- its payer was debited and not credited.
SELECT payments.* FROM payments
WHERE ended_day = :day AND :tenant_id IN ('', payments.tenant_id) AND payment_id > :after
    AND NOT EXISTS (
        SELECT 1 FROM findings
        WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
            AND movement = 'returned' AND verdict IN ('matched', 'repaired', 'mismatched')
    )
    AND (
        settled_day IS NOT NULL
        OR EXISTS (
            SELECT 1 FROM findings
            WHERE findings.payment_id = payments.payment_id AND findings.tenant_id = :tenant_id
                AND side = 'payer' AND movement = 'settled' AND verdict IN ('matched', 'repaired', 'mismatched')
        )
    )
ORDER BY payment_id LIMIT :limit;

-- enter: a finding that is there stays as it was.
INSERT INTO findings (
    number, finding_id, import_id, tenant_id, verdict, account, day, payment_id, side, movement, is_own,
    ledger_account_id, record, is_listed
)
VALUES (
    :number, :finding_id, :import_id, :tenant_id, :verdict, :account, :day, :payment_id, :side, :movement, :is_own,
    :ledger_account_id, :record, :verdict = 'listed'
)
ON CONFLICT (finding_id) DO NOTHING;

-- find: one finding.
SELECT record, resolution, verdict FROM findings WHERE finding_id = :finding_id;

-- counts: what was found in a file.
SELECT verdict, count(*) AS findings FROM findings WHERE import_id = :import_id GROUP BY verdict;

-- booked: what holds of a payment's legs.
SELECT side, movement, is_own, verdict FROM findings
WHERE payment_id = :payment_id AND tenant_id = :tenant_id AND verdict IN ('matched', 'repaired', 'mismatched');

-- missing: the open findings that a payment's money is in no statement.
SELECT finding_id, movement FROM findings
WHERE payment_id = :payment_id AND tenant_id = :tenant_id AND verdict = 'unmatched_here' AND resolution IS NULL;

-- resolve: the first resolution holds.
UPDATE findings SET resolution = :resolution WHERE finding_id = :finding_id AND resolution IS NULL;

-- list: its payments are found one by one, whatever was said of it before.
UPDATE findings SET is_listed = 1 WHERE finding_id = :finding_id;

-- own_account: an account of ours.
INSERT INTO own_accounts (tenant_id, account) VALUES (:tenant_id, :account) ON CONFLICT DO NOTHING;

-- own_accounts: all of them.
SELECT account FROM own_accounts WHERE tenant_id = :tenant_id;

-- end_import: a file was compared to the end.
INSERT INTO imports (import_id, record) VALUES (:import_id, :record) ON CONFLICT DO NOTHING;

-- find_import: what was found in a file.
SELECT record FROM imports WHERE import_id = :import_id;

-- prove: a statement of a file. One that was begun again after a crash proves some of them twice.
INSERT INTO proofs (number, import_id, account, statement_id, holds, record)
VALUES (:number, :import_id, :account, :statement_id, :holds, :record) ON CONFLICT DO NOTHING;

-- proofs: those of a file that do not hold first.
SELECT record FROM proofs WHERE import_id = :import_id ORDER BY holds, number LIMIT :limit;

-- bookings_of: all of an account in some days.
SELECT record FROM findings
WHERE account = :account AND day BETWEEN :first_day AND :last_day AND tenant_id = :tenant_id AND NOT is_listed;

-- ledger_accounts_of: our bank accounts that an account of the bank's is.
SELECT DISTINCT ledger_account_id FROM findings
WHERE account = :account AND tenant_id = :tenant_id AND ledger_account_id IS NOT NULL AND NOT is_own;

-- payments_of_accounts: those whose money moved on these accounts in these days, by our ledger.
SELECT payments.* FROM payments
WHERE payment_id IN (
    SELECT payment_id FROM payments WHERE payer_account_id IN (SELECT value FROM json_each(:accounts))
    UNION
    SELECT payment_id FROM payments WHERE payee_account_id IN (SELECT value FROM json_each(:accounts))
)
    AND :tenant_id IN ('', tenant_id)
    AND (
        claimed_day BETWEEN :first_day AND :last_day
        OR settled_day BETWEEN :first_day AND :last_day
        OR ended_day BETWEEN :first_day AND :last_day
    );

-- payments_through: those of which something is booked on an account of ours, and whose money moved in these days.
SELECT payments.* FROM payments
WHERE payment_id IN (
    SELECT payment_id FROM findings
    WHERE account = :account AND tenant_id = :tenant_id AND is_own AND payment_id IS NOT NULL
        AND verdict IN ('matched', 'repaired', 'mismatched')
)
    AND (
        claimed_day BETWEEN :first_day AND :last_day
        OR settled_day BETWEEN :first_day AND :last_day
        OR ended_day BETWEEN :first_day AND :last_day
    );

-- open_items: what nobody has dealt with.
SELECT number, record, resolution FROM findings
WHERE tenant_id = :tenant_id AND number > :after AND resolution IS NULL
    AND verdict NOT IN ('matched', 'repaired', 'listed')
ORDER BY number LIMIT :limit;

-- resolved_items: what somebody has.
SELECT number, record, resolution FROM findings
WHERE tenant_id = :tenant_id AND number > :after AND resolution IS NOT NULL
ORDER BY number LIMIT :limit;

-- items_of_verdict: open and resolved.
SELECT number, record, resolution FROM findings
WHERE tenant_id = :tenant_id AND verdict = :state AND number > :after
ORDER BY number LIMIT :limit;

-- items: all that are more than matched.
SELECT number, record, resolution FROM findings
WHERE tenant_id = :tenant_id AND number > :after AND verdict NOT IN ('matched', 'listed')
ORDER BY number LIMIT :limit;
