-- adopt: the first start; later ones find what is there.
INSERT INTO source (only_one, identity) VALUES (1, :identity) ON CONFLICT DO NOTHING;

-- read_source: whose state this is.
SELECT identity FROM source;

-- forget_source: the state of another Kafka.
DELETE FROM source;

-- forget_failing: endpoints of another Kafka.
DELETE FROM failing;

-- forget_partitions: with it goes every offset.
DELETE FROM partitions WHERE :partition IS NULL OR partition = :partition;

-- forget_taken: with it goes what was taken.
DELETE FROM taken WHERE :partition IS NULL OR partition = :partition;

-- forget_due: with it goes what is due.
DELETE FROM due WHERE :partition IS NULL OR partition = :partition;

-- partitions_kept: what there is state of.
SELECT partition FROM partitions ORDER BY partition;

-- forget_some_due: some at a time, as for a revoked endpoint.
DELETE FROM due WHERE rowid IN (SELECT rowid FROM due WHERE partition = :partition LIMIT :most);

-- forget_some_taken: the same.
DELETE FROM taken WHERE rowid IN (SELECT rowid FROM taken WHERE partition = :partition LIMIT :most);

-- read_place: where a partition's topics are read on.
SELECT next_event, next_delivery, next_request, next_notice, since_us, taken_until_us FROM partitions WHERE partition = :partition;

-- set_place: what the group was told, where nothing is kept.
INSERT INTO partitions (partition, next_event, next_delivery, next_request, next_notice, since_us, taken_until_us)
VALUES (:partition, :next_event, NULL, :next_request, :next_notice, :since_us, :taken_until_us);

-- advance_events: in the transaction of the rows that it covers.
UPDATE partitions SET next_event = :next_event, taken_until_us = max(taken_until_us, :taken_until_us)
WHERE partition = :partition;

-- advance_deliveries: the same for the other topic.
UPDATE partitions SET next_delivery = :next_delivery WHERE partition = :partition;

-- advance_requests: the same for replays.
UPDATE partitions SET next_request = :next_request WHERE partition = :partition;

-- advance_notices: the same for notices.
UPDATE partitions SET next_notice = :next_notice WHERE partition = :partition;

-- read_taken: the last transition that was taken of a payment.
SELECT sequence FROM taken WHERE payment_id = :payment_id;

-- keep_taken: it goes forward only.
INSERT INTO taken (payment_id, partition, sequence, occurred_at_us)
VALUES (:payment_id, :partition, :sequence, :occurred_at_us)
ON CONFLICT (payment_id) DO UPDATE SET sequence = excluded.sequence, occurred_at_us = excluded.occurred_at_us
WHERE excluded.sequence > sequence;

-- forget_taken_long_ago: of a payment that is not there, what happened since is new.
DELETE FROM taken WHERE partition = :partition AND occurred_at_us < :before_us;

-- add_due: an event to be told. Behind an earlier one of its payment it waits until that is done.
INSERT INTO due (endpoint_id, payment_id, sequence, partition, tenant_id, event_type, attempts, tries, at_us, is_head,
    event_offset, request_offset, notice_offset, replay_id, known_us, body)
VALUES (:endpoint_id, :payment_id, :sequence, :partition, :tenant_id, :event_type, 0, 0, :at_us,
    NOT EXISTS (SELECT 1 FROM due
        WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id AND sequence < :sequence),
    :event_offset, NULL, :notice_offset, NULL, :known_us, :body)
ON CONFLICT DO NOTHING;

-- keep_retrying: what an attempt that is to be repeated says; its event may be one that is not read again.
INSERT INTO due (endpoint_id, payment_id, sequence, partition, tenant_id, event_type, attempts, tries, at_us, is_head,
    event_offset, request_offset, notice_offset, replay_id, known_us, body)
VALUES (:endpoint_id, :payment_id, :sequence, :partition, :tenant_id, :event_type, :attempts, :tries, :at_us,
    NOT EXISTS (SELECT 1 FROM due
        WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id AND sequence < :sequence),
    NULL, NULL, NULL, :replay_id, :known_us, :body)
ON CONFLICT (endpoint_id, payment_id, sequence) DO UPDATE SET
    attempts = excluded.attempts, tries = excluded.tries, at_us = excluded.at_us, event_offset = NULL,
    request_offset = NULL, notice_offset = NULL, replay_id = excluded.replay_id, known_us = excluded.known_us;

-- hold_later: behind an event that came back, its payment's later ones wait again.
UPDATE due SET is_head = 0
WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id AND sequence > :sequence AND is_head;

-- close: delivered, or failed for good.
DELETE FROM due WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id AND sequence = :sequence;

-- release_next: its payment's next may be attempted.
UPDATE due SET is_head = 1
WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id AND NOT is_head AND sequence = (
    SELECT min(sequence) FROM due WHERE endpoint_id = :endpoint_id AND payment_id = :payment_id);

-- drop_endpoint: it was revoked. Some at a time: others wait for the state meanwhile.
DELETE FROM due WHERE rowid IN (
    SELECT rowid FROM due
    WHERE endpoint_id = :endpoint_id AND partition IN (SELECT value FROM json_each(:partitions))
    LIMIT :most);

-- read_due: what may be attempted, earliest first; partitions that are not ours now are left to whoever has them.
SELECT endpoint_id, payment_id, sequence, partition, tenant_id, event_type, attempts, tries, replay_id, body
FROM due
WHERE endpoint_id = :endpoint_id AND is_head AND at_us <= :until_us
    AND partition IN (SELECT value FROM json_each(:partitions))
ORDER BY at_us
LIMIT :most;

-- next_at: when there will be more of it.
SELECT min(at_us) AS at_us FROM due
WHERE endpoint_id = :endpoint_id AND is_head AND at_us > :after_us
    AND partition IN (SELECT value FROM json_each(:partitions));

-- endpoints_waiting: who is to be told something, by a look-up each: a backlog is not read through.
WITH RECURSIVE waiting (endpoint_id) AS (
    SELECT min(endpoint_id) FROM due
    UNION ALL
    SELECT (SELECT min(due.endpoint_id) FROM due WHERE due.endpoint_id > waiting.endpoint_id)
    FROM waiting WHERE waiting.endpoint_id IS NOT NULL)
SELECT endpoint_id FROM waiting WHERE endpoint_id IS NOT NULL;

-- oldest_at: since when an endpoint could be told something that it was not told yet.
SELECT min(at_us) AS first FROM due WHERE endpoint_id = :endpoint_id AND is_head;

-- count_due: how much there is, of partitions that are ours now, up to a bound: others wait for the state meanwhile.
SELECT count(*) AS due FROM (
    SELECT 1 FROM due WHERE partition IN (SELECT value FROM json_each(:partitions)) LIMIT :most);

-- first_event: the oldest event of which no attempt is on the log.
SELECT min(event_offset) AS first FROM due WHERE partition = :partition AND event_offset IS NOT NULL;

-- first_request: the oldest replay of which something was not attempted yet.
SELECT min(request_offset) AS first FROM due WHERE partition = :partition AND request_offset IS NOT NULL;

-- first_notice: the oldest notice of which no attempt is on the log.
SELECT min(notice_offset) AS first FROM due WHERE partition = :partition AND notice_offset IS NOT NULL;

-- first_known: since when attempts have to be read to know what is due.
SELECT min(known_us) AS first FROM due WHERE partition = :partition;

-- note_failing: since when an endpoint fails; the first failure counts.
INSERT INTO failing (endpoint_id, since_us) VALUES (:endpoint_id, :since_us) ON CONFLICT DO NOTHING;

-- note_working: it does not, or it begins anew.
DELETE FROM failing WHERE endpoint_id = :endpoint_id;

-- failing_since: null when its last attempt was delivered.
SELECT since_us FROM failing WHERE endpoint_id = :endpoint_id;

-- note_heard: a request that was done.
INSERT INTO heard (request_id, partition, heard_us) VALUES (:request_id, :partition, :heard_us) ON CONFLICT DO NOTHING;

-- partitions_heard: where a request was done.
SELECT partition FROM heard WHERE request_id = :request_id;

-- forget_heard: whoever repeats a request does so soon.
DELETE FROM heard WHERE heard_us < :before_us OR (:before_us IS NULL AND (:partition IS NULL OR partition = :partition));

-- clear_found: a replay begins, or is done.
DELETE FROM found;

-- keep_found: the last attempt counts; the body is the same in all.
INSERT INTO found (payment_id, sequence, partition, tenant_id, event_type, attempts, outcome, is_in_range, body)
VALUES (:payment_id, :sequence, :partition, :tenant_id, :event_type, :attempts, :outcome, :is_in_range, :body)
ON CONFLICT (payment_id, sequence) DO UPDATE SET
    attempts = excluded.attempts, outcome = excluded.outcome, is_in_range = max(is_in_range, excluded.is_in_range);

-- last_found: which payments come next, some at a time: others wait for the state meanwhile.
SELECT max(payment_id) AS last FROM (
    SELECT DISTINCT payment_id FROM found WHERE payment_id > :after ORDER BY payment_id LIMIT :payments_max);

-- add_found: what is to be delivered again, as if its schedule began now. What still waits for a retry is due at once.
-- In the order of their sequences, so that of each payment the first is the head.
INSERT INTO due (endpoint_id, payment_id, sequence, partition, tenant_id, event_type, attempts, tries, at_us, is_head,
    event_offset, request_offset, notice_offset, replay_id, known_us, body)
SELECT :endpoint_id, f.payment_id, f.sequence, f.partition, f.tenant_id, f.event_type, f.attempts, 0, :at_us,
    NOT EXISTS (SELECT 1 FROM found AS e WHERE e.payment_id = f.payment_id AND e.sequence < f.sequence
            AND e.is_in_range AND (e.outcome = 'failed' OR NOT :failed_only))
        AND NOT EXISTS (SELECT 1 FROM due AS d WHERE d.endpoint_id = :endpoint_id AND d.payment_id = f.payment_id
            AND d.sequence < f.sequence),
    NULL, :request_offset, NULL, :replay_id, :at_us, f.body
FROM found AS f
WHERE f.payment_id > :after AND f.payment_id <= :last AND f.is_in_range AND (f.outcome = 'failed' OR NOT :failed_only)
    AND f.partition IN (SELECT value FROM json_each(:partitions))
ORDER BY f.payment_id, f.sequence
ON CONFLICT (endpoint_id, payment_id, sequence) DO UPDATE SET at_us = min(at_us, excluded.at_us);

-- hold_behind_found: what waits behind an event that is delivered again. It was not the payment's first any more.
UPDATE due SET is_head = 0
WHERE endpoint_id = :endpoint_id AND payment_id > :after AND payment_id <= :last AND is_head AND EXISTS (
    SELECT 1 FROM due AS e
    WHERE e.endpoint_id = due.endpoint_id AND e.payment_id = due.payment_id AND e.sequence < due.sequence)
    AND payment_id IN (SELECT payment_id FROM found);
