-- move_positions: the first statement of a batch. Each position moves only from where the batch began; it returns as
-- many rows as the batch has positions, or the batch is somebody's who was overtaken and must not be written.
-- The rows are locked in one order, so that two projectors that overlap wait for each other and never deadlock.
WITH move AS (
    SELECT * FROM unnest(
        %(topics)b::text[], %(partitions)b::integer[], %(topic_ids)b::text[], %(old)b::bigint[], %(new)b::bigint[],
        %(log_ends)b::bigint[], %(records_at_us)b::bigint[]
    ) AS move (topic, partition, topic_id, old_next, new_next, log_end, record_at_us)
),
held AS (
    SELECT position.topic, position.partition
    FROM projection.offsets AS position
    JOIN move USING (topic, partition, topic_id)
    WHERE position.next = move.old_next
    ORDER BY position.topic, position.partition
    FOR UPDATE OF position
)
UPDATE projection.offsets AS position SET
    next = move.new_next,
    log_end = greatest(move.log_end, move.new_next),
    checked_at = clock_timestamp(),
    record_at = greatest(position.record_at, live.at_us(move.record_at_us))
FROM move JOIN held USING (topic, partition)
WHERE position.topic = move.topic AND position.partition = move.partition AND position.next = move.old_next
RETURNING position.topic, position.partition
