-- expire_deliveries: attempts that the log does not keep any more, some at a time; another projector's are passed over.
DELETE FROM projection.webhook_deliveries
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM projection.webhook_deliveries
    WHERE attempted_at < clock_timestamp() - %(kept_ms)s * interval '1 millisecond'
    ORDER BY attempted_at
    LIMIT %(rows_max)s
    FOR UPDATE SKIP LOCKED
))
