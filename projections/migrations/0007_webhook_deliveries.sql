-- What was delivered to webhook endpoints, attempt by attempt; 30 days of it, as the log keeps it.
--
-- A new table of projections: one of the live generation, whatever its number is by now, the partitioned table that has
-- one partition a generation, and the view that reads the live one.
CREATE TABLE projection.webhook_deliveries (
    endpoint_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    sequence integer NOT NULL,
    attempt integer NOT NULL,
    tenant_id text NOT NULL,
    event_type text NOT NULL,
    tries integer NOT NULL,
    attempted_at timestamptz NOT NULL,
    outcome text NOT NULL,
    status_code integer,
    error text,
    next_attempt_at timestamptz,
    duration_ms bigint NOT NULL,
    replay_id uuid,
    generation integer NOT NULL,
    PRIMARY KEY (endpoint_id, payment_id, sequence, attempt)
);
CREATE INDEX webhook_deliveries_by_endpoint ON projection.webhook_deliveries (
    endpoint_id, attempted_at DESC, payment_id DESC, sequence DESC, attempt DESC
);
CREATE INDEX webhook_deliveries_by_time ON projection.webhook_deliveries (attempted_at);

CREATE TABLE live.webhook_deliveries_generations (LIKE projection.webhook_deliveries) PARTITION BY LIST (generation);

DO $$
DECLARE
    live_generation integer := (SELECT generation FROM live.generation);
BEGIN
    EXECUTE format(
        'ALTER TABLE projection.webhook_deliveries ALTER generation SET DEFAULT %s,'
        ' ADD CONSTRAINT of_one_generation CHECK (generation = %s)', live_generation, live_generation);
    EXECUTE format(
        'ALTER TABLE live.webhook_deliveries_generations'
        ' ATTACH PARTITION projection.webhook_deliveries FOR VALUES IN (%s)', live_generation);
END
$$;

CREATE VIEW live.webhook_deliveries AS SELECT * FROM live.webhook_deliveries_generations
WHERE generation = (SELECT live.generation FROM live.generation AS live);

CREATE VIEW analytics.webhook_deliveries AS
SELECT
    tenant_id,
    endpoint_id,
    payment_id || ':' || sequence AS message_id,
    -- Of a notice it is the id of the endpoint that was disabled, as the sequence is its version.
    CASE WHEN event_type <> 'webhook_endpoint_disabled' THEN payment_id END AS payment_id,
    sequence,
    event_type,
    attempt,
    tries,
    attempted_at,
    outcome,
    status_code,
    error,
    next_attempt_at,
    duration_ms,
    replay_id
FROM live.webhook_deliveries;

COMMENT ON VIEW analytics.webhook_deliveries IS 'Attempts to deliver events to webhook endpoints, one row an attempt, for 30 days.';
COMMENT ON COLUMN analytics.webhook_deliveries.tenant_id IS 'The customer of DirectPay that endpoint and payment belong to.';
COMMENT ON COLUMN analytics.webhook_deliveries.endpoint_id IS 'Id of the webhook endpoint.';
COMMENT ON COLUMN analytics.webhook_deliveries.message_id IS 'The header webhook-id: the same in every attempt to deliver an event.';
COMMENT ON COLUMN analytics.webhook_deliveries.payment_id IS 'The payment whose event it is; NULL of webhook_endpoint_disabled.';
COMMENT ON COLUMN analytics.webhook_deliveries.sequence IS 'Which transition of the payment, from 1; of webhook_endpoint_disabled, which version of the endpoint.';
COMMENT ON COLUMN analytics.webhook_deliveries.event_type IS 'What happened: to the payment, or webhook_endpoint_disabled.';
COMMENT ON COLUMN analytics.webhook_deliveries.attempt IS 'Which attempt to deliver this event to this endpoint, from 1; a replay counts on.';
COMMENT ON COLUMN analytics.webhook_deliveries.tries IS 'Which attempt of the retry schedule, from 1; a replay begins the schedule anew.';
COMMENT ON COLUMN analytics.webhook_deliveries.attempted_at IS 'When the attempt began.';
COMMENT ON COLUMN analytics.webhook_deliveries.outcome IS 'delivered, retrying, or failed for good.';
COMMENT ON COLUMN analytics.webhook_deliveries.status_code IS 'The HTTP status that the endpoint answered; NULL without an answer.';
COMMENT ON COLUMN analytics.webhook_deliveries.error IS 'Why it was not delivered; NULL when it was.';
COMMENT ON COLUMN analytics.webhook_deliveries.next_attempt_at IS 'Not before when it is attempted again; NULL unless it is retrying.';
COMMENT ON COLUMN analytics.webhook_deliveries.duration_ms IS 'How long the attempt took, in milliseconds.';
COMMENT ON COLUMN analytics.webhook_deliveries.replay_id IS 'The replay that asked for the attempt; NULL when the event itself did.';
