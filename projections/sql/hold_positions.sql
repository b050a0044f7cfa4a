-- hold_positions: nobody projects into the live tables until the end of this transaction. In the order of a batch.
SELECT topic, partition, topic_id, next FROM projection.offsets ORDER BY topic, partition FOR UPDATE
