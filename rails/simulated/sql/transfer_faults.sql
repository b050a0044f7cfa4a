-- read_rates: what holds for transfers that are taken now.
SELECT dropped, doubled, changed, seed FROM fault_rates;

-- set_rates: instead of those before.
INSERT INTO fault_rates (only_one, dropped, doubled, changed, seed) VALUES (1, :dropped, :doubled, :changed, :seed)
ON CONFLICT (only_one) DO UPDATE SET
    dropped = excluded.dropped, doubled = excluded.doubled, changed = excluded.changed, seed = excluded.seed;

-- record_fault: of a transfer that has not been taken yet. One that was sent before is taken no second time.
INSERT INTO transfer_faults (reference, is_dropped, is_doubled, booked_minor)
SELECT :reference, :is_dropped, :is_doubled, :booked_minor
WHERE NOT EXISTS (SELECT 1 FROM transfers WHERE reference = :reference)
ON CONFLICT (reference) DO NOTHING;

-- tell_again: what was dropped, behind everything that was told: a reader of the feed has long passed its place.
INSERT INTO outcomes (transfer_id, result, code, reason, occurred_at_us, is_told)
SELECT o.transfer_id, o.result, o.code, o.reason, o.occurred_at_us, 1
FROM outcomes AS o
JOIN transfers AS t ON t.transfer_id = o.transfer_id
JOIN transfer_faults AS f ON f.reference = t.reference
WHERE f.is_dropped AND NOT f.is_told_later AND NOT o.is_told
ORDER BY o.sequence;

-- forget_untold: it stands behind now.
DELETE FROM outcomes WHERE NOT is_told AND transfer_id IN (
    SELECT t.transfer_id FROM transfers AS t JOIN transfer_faults AS f ON f.reference = t.reference
    WHERE f.is_dropped AND NOT f.is_told_later
);

-- mark_told: those that are booked. The others are dropped still, when they are.
UPDATE transfer_faults SET is_told_later = 1
WHERE is_dropped AND NOT is_told_later AND EXISTS (
    SELECT 1 FROM transfers AS t JOIN outcomes AS o ON o.transfer_id = t.transfer_id
    WHERE t.reference = transfer_faults.reference
);

-- list_faults: a page of what went wrong, in the order of the transfers.
SELECT
    t.transfer_id, t.reference, t.rail, t.state, t.amount_minor, f.booked_minor, f.is_dropped, f.is_doubled,
    f.is_told_later
FROM transfers AS t JOIN transfer_faults AS f ON f.reference = t.reference
WHERE t.transfer_id > ?
ORDER BY t.transfer_id
LIMIT ?;
