-- What the dispatcher keeps: the fold of payment-events, of the notices on directory-events and of webhook-deliveries, as
-- far as each was read.

-- Whose state this is: the Kafka cluster and the topic's id. State of another is worthless.
CREATE TABLE IF NOT EXISTS source (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    identity TEXT NOT NULL
) STRICT;

-- Where each topic is read on. next_delivery is null while it is not known: then attempts from since_us on are read.
-- taken_until_us: what happened before (by the business clock) was taken.
CREATE TABLE IF NOT EXISTS partitions (
    partition INTEGER PRIMARY KEY,
    next_event INTEGER NOT NULL,
    next_delivery INTEGER,
    next_request INTEGER NOT NULL,
    next_notice INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    taken_until_us INTEGER NOT NULL
) STRICT;

-- The last transition that was taken of each payment, of tenants that have endpoints.
CREATE TABLE IF NOT EXISTS taken (
    payment_id TEXT PRIMARY KEY,
    partition INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    occurred_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS taken_long_ago ON taken (partition, occurred_at_us);

-- One row an event that an endpoint is still to be told of. Of a notice that an endpoint was disabled, payment_id and
-- sequence are that endpoint and its version. is_head: it is its payment's first to this endpoint, and so
-- may be attempted from at_us on (machine time). event_offset, request_offset or notice_offset: where it comes from, as long as no
-- attempt is on the log. known_us: when it was taken, or last attempted.
CREATE TABLE IF NOT EXISTS due (
    endpoint_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    is_head INTEGER NOT NULL,
    event_offset INTEGER,
    request_offset INTEGER,
    notice_offset INTEGER,
    replay_id TEXT,
    known_us INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (endpoint_id, payment_id, sequence)
) STRICT;
CREATE INDEX IF NOT EXISTS due_heads ON due (endpoint_id, at_us) WHERE is_head;
CREATE INDEX IF NOT EXISTS due_from_events ON due (partition, event_offset) WHERE event_offset IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_from_requests ON due (partition, request_offset) WHERE request_offset IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_from_notices ON due (partition, notice_offset) WHERE notice_offset IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_known ON due (partition, known_us);

-- Endpoints whose last attempt failed, and since when none was delivered.
CREATE TABLE IF NOT EXISTS failing (
    endpoint_id TEXT PRIMARY KEY,
    since_us INTEGER NOT NULL
) STRICT;

-- Requests that were done, by partition: one that is repeated is not done again.
CREATE TABLE IF NOT EXISTS heard (
    request_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    heard_us INTEGER NOT NULL,
    UNIQUE (request_id, partition)
) STRICT;

-- What a replay has found so far: the last attempt of each event, and whether one was in its range.
CREATE TABLE IF NOT EXISTS found (
    payment_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    is_in_range INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (payment_id, sequence)
) STRICT;
