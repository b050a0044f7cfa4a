-- faults: what is not as it must be when every accepted payment has gone from pending by processing to completed.
WITH histories AS (
    SELECT
        payment.status,
        payment.amount <> (%(least)s + substring(payment.idempotency_key FROM '\d+$')::bigint %% %(amounts)s) / 100.0
            AS wrong_amount,
        count(event.id) AS events,
        count(DISTINCT event.new_status) AS statuses,
        min(event.timestamp) FILTER (WHERE event.new_status = 'pending') AS pending_at,
        min(event.timestamp) FILTER (WHERE event.new_status = 'processing') AS processing_at,
        min(event.timestamp) FILTER (WHERE event.new_status = 'completed') AS completed_at
    FROM transactions AS payment
    LEFT JOIN transaction_events AS event ON event.transaction_id = payment.id
    WHERE payment.idempotency_key LIKE %(keys)s
    GROUP BY payment.id
)
SELECT
    greatest(%(accepted)s - count(*) FILTER (WHERE status = 'completed'), 0) AS lost,
    coalesce(sum(events - statuses), 0)::bigint AS doubled_events,
    count(*) FILTER (WHERE status = 'completed' AND statuses < 3) AS missing_events,
    count(*) FILTER (WHERE pending_at > processing_at OR processing_at > completed_at) AS out_of_order,
    count(*) FILTER (WHERE wrong_amount) AS wrong_amounts
FROM histories
