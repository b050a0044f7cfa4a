-- list_freshness: how far the views are behind each topic: of its partitions the sum of what is not projected, and the
-- age of what is in the one that is furthest behind.
SELECT topic, sum(lag)::bigint, extract(epoch FROM clock_timestamp() - min(projected_to))
FROM analytics.freshness
GROUP BY topic
ORDER BY topic
