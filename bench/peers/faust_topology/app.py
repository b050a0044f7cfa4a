"""A stock Faust app that takes each command to `completed`, as Faust's guide shows it: an agent, a Table, JSON records.

`python -m bench.peers.faust_topology.app`, with the settings PEER_KAFKA, PEER_COMMANDS, PEER_EVENTS, PEER_PARTITIONS,
PEER_STATE and PEER_CONFIRMED. Its tuning is that of the stream stage's peer: bench/peers/stock_faust/tuning.py.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faust
from yarl import URL

from bench.peers.stock_faust import tuning

STEPS = (("", "pending", "payment_initiated"),
         ("pending", "processing", "payment_processing"),
         ("processing", "completed", "payment_completed"))  # fmt: skip


class Command(faust.Record, include_metadata=False):  # type: ignore[misc, call-arg]
    payment_id: str
    idempotency_key: str
    payer_account_id: str
    payee_account_id: str
    amount: str
    payment_rail_type: str
    lease_id: str | None = None


class Event(faust.Record, include_metadata=False):  # type: ignore[misc, call-arg]
    event_id: str
    event_type: str
    previous_status: str
    new_status: str
    timestamp: str
    payment: Command


def build_app(
    bootstrap: str, commands_topic: str, events_topic: str, state: Path, partitions: int, *, confirmed: bool
) -> faust.App:
    """Return the app with its agent; if `confirmed`, that goes on only when the broker has a payment's events."""
    app = faust.App(
        "faust-topology",
        broker=URL(f"kafka://{bootstrap}"),
        datadir=state,
        store="rocksdb://",
        value_serializer="json",
        topic_partitions=partitions,
        topic_replication_factor=1,
        producer_linger=0.0 if confirmed else tuning.LINGER_S,
        **tuning.SETTINGS,
    )
    commands = app.topic(commands_topic, key_type=str, value_type=Command, partitions=partitions)
    events = app.topic(events_topic, key_type=str, value_type=Event, partitions=partitions)
    statuses = app.Table("statuses", key_type=str, value_type=str, partitions=partitions, options=dict(tuning.ROCKSDB))

    async def advance(stream: Any) -> None:
        async for command in stream:
            if command.idempotency_key in statuses:
                continue
            sent = [await events.send(key=command.payment_id, value=each) for each in life(command)]
            # `send` returns when there is room in a batch.
            if confirmed:
                await asyncio.gather(*sent)
            statuses[command.idempotency_key] = "completed"

    # An actor for each partition was faster than one for all.
    app.agent(commands, isolated_partitions=True, name="advance")(advance)
    return app


def life(command: Command) -> list[Event]:
    """Return the three events of a payment: no bank takes part, so its rail answers at once."""
    return [
        Event(
            event_id=str(uuid.uuid4()),
            event_type=event_type,
            previous_status=before,
            new_status=status,
            timestamp=datetime.now(UTC).isoformat(),
            payment=command,
        )
        for before, status, event_type in STEPS
    ]


def main() -> None:
    env = os.environ
    app = build_app(
        env["PEER_KAFKA"],
        env["PEER_COMMANDS"],
        env["PEER_EVENTS"],
        Path(env["PEER_STATE"]),
        int(env["PEER_PARTITIONS"]),
        confirmed=env["PEER_CONFIRMED"] == "yes",
    )
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
