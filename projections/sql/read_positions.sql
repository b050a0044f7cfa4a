-- read_positions
SELECT topic, partition, topic_id, next FROM projection.offsets
