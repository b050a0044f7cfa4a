-- What the gateway keeps: the fold of payment-events, as far as it was read, and the place in the bank's feed.

-- Whose state this is: the Kafka cluster and the topic's id. State of another is worthless.
CREATE TABLE IF NOT EXISTS source (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    identity TEXT NOT NULL,
    feed_cursor TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS partitions (
    partition INTEGER PRIMARY KEY,
    next_offset INTEGER NOT NULL
) STRICT;

-- One row an open payment, with its newest record as it stands on the topic. act_at_us: when the gateway must look at it
-- again, by the business clock or the machine's; null while it is in hand (in memory).
CREATE TABLE IF NOT EXISTS payments (
    payment_id TEXT PRIMARY KEY,
    partition INTEGER NOT NULL,
    is_pending INTEGER NOT NULL,
    due_at_us INTEGER NOT NULL,
    act_at_us INTEGER,
    act_by TEXT NOT NULL CHECK (act_by IN ('business', 'machine')),
    value BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS payments_to_act_on ON payments (act_by, act_at_us) WHERE act_at_us IS NOT NULL;
CREATE INDEX IF NOT EXISTS payments_of_a_partition ON payments (partition);
