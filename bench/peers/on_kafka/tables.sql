-- tables: the seed's, without references: a sink may write events before their payment
CREATE TABLE transactions (
    id uuid PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    lease_id uuid,
    payer_account_id uuid NOT NULL,
    payee_account_id uuid NOT NULL,
    amount numeric(12, 2) NOT NULL,
    payment_rail_type text NOT NULL,
    status text NOT NULL,
    initiated_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE TABLE transaction_events (
    id uuid PRIMARY KEY,
    transaction_id uuid NOT NULL,
    event_type text NOT NULL,
    previous_status text,
    new_status text NOT NULL,
    timestamp timestamptz NOT NULL,
    metadata jsonb
);
CREATE INDEX ON transaction_events (transaction_id)
