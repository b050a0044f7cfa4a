-- adopt: the first start; later ones find what is there.
INSERT INTO source (only_one, identity, feed_cursor) VALUES (1, :identity, '') ON CONFLICT DO NOTHING;

-- read_source: whose state this is, and where the feed was left.
SELECT identity, feed_cursor FROM source;

-- forget_source: the state of another Kafka.
DELETE FROM source;

-- forget_partitions: with it goes every offset.
DELETE FROM partitions;

-- forget_payments: with it goes every open payment.
DELETE FROM payments;

-- forget_partition: its offset lies behind the log's end, so it is of another log.
DELETE FROM partitions WHERE partition = :partition;

-- forget_payments_of: the open payments of such a partition.
DELETE FROM payments WHERE partition = :partition;

-- read_offset: from where a partition is read on.
SELECT next_offset FROM partitions WHERE partition = :partition;

-- begin_anew: what was in hand when the process ended, and every payment that may be at the bank, is looked at at once.
UPDATE payments
SET act_at_us = CASE WHEN is_pending THEN due_at_us ELSE 0 END, act_by = 'business'
WHERE partition = :partition;

-- keep: the newest record of an open payment.
INSERT INTO payments (payment_id, partition, is_pending, due_at_us, act_at_us, act_by, value)
VALUES (:payment_id, :partition, :is_pending, :due_at_us, :act_at_us, :act_by, :value)
ON CONFLICT (payment_id) DO UPDATE SET
    partition = excluded.partition, is_pending = excluded.is_pending, due_at_us = excluded.due_at_us,
    act_at_us = excluded.act_at_us, act_by = excluded.act_by, value = excluded.value;

-- act: when to look at it again.
UPDATE payments SET act_at_us = :act_at_us, act_by = :act_by WHERE payment_id = :payment_id;

-- close: the payment has gone its way.
DELETE FROM payments WHERE payment_id = :payment_id;

-- save_offset: in the transaction of the rows that it covers.
INSERT INTO partitions (partition, next_offset) VALUES (:partition, :next_offset)
ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset;

-- save_cursor: everything before it has been reported, and Kafka has said so.
UPDATE source SET feed_cursor = :feed_cursor;

-- to_act_on: the earliest first; partitions that are not ours now are left to whoever has them.
-- In two halves, so that each follows the index and stops at the limit.
SELECT p.payment_id, p.partition, p.value, p.act_at_us, p.act_by
FROM payments AS p
WHERE p.act_by = 'business' AND p.act_at_us <= :until_us
    AND p.partition IN (SELECT value FROM json_each(:partitions))
UNION ALL
SELECT p.payment_id, p.partition, p.value, p.act_at_us, p.act_by
FROM payments AS p
WHERE p.act_by = 'machine' AND p.act_at_us <= :machine_until_us
    AND p.partition IN (SELECT value FROM json_each(:partitions))
ORDER BY act_at_us
LIMIT :most;

-- count: open payments of a partition.
SELECT count(*) FROM payments WHERE partition = :partition;
