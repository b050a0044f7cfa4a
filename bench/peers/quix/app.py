"""Two Quix Streams applications: `app.py stage` takes commands to events, `app.py sink` takes events to Postgres.

They run in an environment of their own and know nothing of DirectPay. Settings: PEER_KAFKA, PEER_COMMANDS, PEER_EVENTS,
PEER_STATE, PEER_DATABASE. Where a setting has a source, it is named.
"""

from __future__ import annotations

import os
import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from quixstreams import Application, State
from quixstreams.sinks.community.postgresql import PostgreSQLSink

STEPS = (("", "pending", "payment_initiated"),
         ("pending", "processing", "payment_processing"),
         ("processing", "completed", "payment_completed"))  # fmt: skip
# A checkpoint is a transaction, and a batch of the sink. Its default of 5 s would be the least time that a payment
# takes; a shorter one costs more writing ("Checkpointing", configuring the checkpointing).
COMMIT_INTERVAL_S = 0.5
# How long an empty poll lasts, and with it the delay of a checkpoint that is due.
POLL_S = 0.1


def build_stage(app: Application, commands_topic: str, events_topic: str) -> None:
    """Take each command of a key that is not known to its three events."""
    commands = app.topic(commands_topic, key_deserializer="str", value_deserializer="json")
    events = app.topic(events_topic, key_serializer="str", value_serializer="json")
    stream = app.dataframe(commands).apply(life, stateful=True, expand=True)
    stream.to_topic(events, key=lambda event: event["payment"]["payment_id"])


def life(command: dict[str, Any], state: State) -> list[dict[str, Any]]:
    """Return the three events of a payment: no bank takes part, so its rail answers at once."""
    if state.get("status") is not None:
        return []
    state.set("status", "completed")
    return [
        {
            "event_id": str(uuid.uuid4()),
            "event_type": event_type,
            "previous_status": before,
            "new_status": status,
            "timestamp": datetime.now(UTC).isoformat(),
            "payment": command,
        }
        for before, status, event_type in STEPS
    ]


def build_sink(app: Application, events_topic: str, database_uri: str) -> None:
    """Write events, and payments as their newest event leaves them."""
    stream = app.dataframe(app.topic(events_topic, key_deserializer="str", value_deserializer="json"))
    # In this order, which is that of writing: whoever sees a payment completed sees its history.
    stream.apply(event_row).sink(postgres_sink(database_uri, "transaction_events"))
    stream.apply(payment_row).sink(postgres_sink(database_uri, "transactions"))


def event_row(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event["event_id"],
        "transaction_id": event["payment"]["payment_id"],
        "event_type": event["event_type"],
        # An empty one, not None: a batch has the columns of its first row, and None is no column.
        "previous_status": event["previous_status"],
        "new_status": event["new_status"],
        "timestamp": event["timestamp"],
        "metadata": event["payment"],
    }


def payment_row(event: dict[str, Any]) -> dict[str, Any]:
    payment = event["payment"]
    return {
        "id": payment["payment_id"],
        "idempotency_key": payment["idempotency_key"],
        "lease_id": payment["lease_id"],
        "payer_account_id": payment["payer_account_id"],
        "payee_account_id": payment["payee_account_id"],
        "amount": payment["amount"],
        "payment_rail_type": payment["payment_rail_type"],
        "status": event["new_status"],
        "initiated_at": event["timestamp"],
        "updated_at": event["timestamp"],
    }


def postgres_sink(uri: str, table: str) -> PostgreSQLSink:
    """Return its own sink, upserting on the primary key of a table that is there ("PostgreSQL Sink")."""
    parts = urlsplit(uri)
    return PostgreSQLSink(
        host=parts.hostname,
        port=parts.port,
        dbname=parts.path.lstrip("/"),
        user=parts.username,
        password=unquote(parts.password),
        table_name=table,
        # Otherwise each batch asks for the table's columns and keys first.
        schema_auto_update=False,
        include_metadata=False,
        primary_key_columns="id",
        upsert_on_primary_key=True,
    )


def main() -> None:
    env, part = os.environ, sys.argv[1]
    app = Application(
        broker_address=env["PEER_KAFKA"],
        consumer_group=f"quix-{part}",
        auto_offset_reset="earliest",
        commit_interval=COMMIT_INTERVAL_S,
        consumer_poll_timeout=POLL_S,
        state_dir=f"{env['PEER_STATE']}-{part}",
        loglevel="WARNING",
        # The sink writes to no topic; what it repeats, an upsert makes undone ("Processing Guarantees").
        processing_guarantee="exactly-once" if part == "stage" else "at-least-once",
    )
    if part == "stage":
        build_stage(app, env["PEER_COMMANDS"], env["PEER_EVENTS"])
    else:
        build_sink(app, env["PEER_EVENTS"], env["PEER_DATABASE"])
    app.run()


if __name__ == "__main__":
    main()
