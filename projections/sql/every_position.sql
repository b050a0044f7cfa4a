-- every_position
SELECT topic, partition, topic_id, next, log_end, checked_at, record_at FROM projection.offsets
