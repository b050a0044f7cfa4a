-- open_positions: a partition that was never projected starts at the first record it still has.
INSERT INTO projection.offsets (topic, partition, topic_id, next, log_end, checked_at)
SELECT topic, partition, topic_id, begin, log_end, clock_timestamp() FROM unnest(
    %(topics)s::text[], %(partitions)s::integer[], %(topic_ids)s::text[], %(begins)s::bigint[], %(log_ends)s::bigint[]
) AS opened (topic, partition, topic_id, begin, log_end)
ON CONFLICT (topic, partition) DO NOTHING
