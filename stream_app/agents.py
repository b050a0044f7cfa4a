"""The agents: look up, decide, encode, commit, apply, for every batch of every partition."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, TypeVar

from payments.lifecycle import decide
from schemas import codec, topics
from stream_app.decisions import (
    Written,
    directory_decisions,
    payment_decisions,
    quarantine,
    refuse_unknown_schema,
    tell,
)
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import Batch, InputRecord
from stream_app.exactly_once.worker import LaneApp
from stream_app.schema_source import SchemaSource
from stream_app.stored import FORMAT, StateOfUnknownSchema, stored, value_of
from stream_app.table import Table

Value = TypeVar("Value")


class Decisions(Protocol[Value]):
    """Reads, decides and encodes the records of a batch against a table; see `stream_app.decisions`."""

    def id_of(self, record: InputRecord) -> str | None: ...
    def read(self, record: InputRecord, key_id: str | None, table: Table[Value]) -> Any: ...
    def decide(self, record: InputRecord, read: Any, table: Table[Value], written: Written) -> None: ...
    def encode(self, written: Written) -> None: ...


async def decide_partition(
    lane: Lane, *, events_topic: str, decisions: Decisions[Value], schemas: SchemaSource
) -> None:
    """Decide one partition, batch after batch, until it is given back."""
    table: Table[Value] = Table(await lane.restore(events_topic, form=FORMAT), encode=stored, decode=value_of)
    async for taken in lane.batches():
        batch, written, unknown = decide_batch(lane, taken, table, decisions, schemas)
        await lane.commit(batch, written.secrets, written.records, state=table.staged())
        table.applied()
        tell(lane.agent, written)
        if unknown is not None:
            await schemas.resolve(unknown, lane)


def decide_batch(
    lane: Lane, batch: Batch, table: Table[Value], decisions: Decisions[Value], schemas: SchemaSource
) -> tuple[Batch, Written, int | None]:
    """Decide a batch, as far as that goes: return that part of it, what it writes, and the schema id that ended it.

    What is not decided is given back to the lane: what follows a record of a schema not known yet, and, when something
    breaks while the whole is encoded, half after half until the record that does it is alone.
    """
    # Step by step over the whole batch: code that runs in a row costs half of code that takes turns.
    ids = [decisions.id_of(record) for record in batch.records]
    table.fetch(key_id for key_id in ids if key_id is not None)
    reads = [decisions.read(record, key_id, table) for record, key_id in zip(batch.records, ids, strict=True)]
    while True:
        written, unknown = Written(), None
        for number, (record, read) in enumerate(zip(batch.records, reads, strict=False)):
            try:
                decisions.decide(record, read, table, written)
            except (codec.UnknownSchema, StateOfUnknownSchema) as error:
                if schemas.is_absent(error.schema_id):
                    if isinstance(error, StateOfUnknownSchema):
                        raise  # Deciding without the state would decide twice: stop.
                    refuse_unknown_schema(record, error.schema_id, written)
                    continue
                # What is before it is decided now; the record and what follows wait until somebody knows the schema.
                batch, unknown = lane.give_back(batch, number), error.schema_id
                break
        try:
            decisions.encode(written)
            return batch, written, unknown
        except Exception as error:
            table.unstage()
            if len(batch.records) == 1:
                written = Written()
                quarantine(batch.records[0], reads[0], error, written)
                return batch, written, None
            batch = lane.give_back(batch, len(batch.records) // 2)


def add_agents(
    app: LaneApp, *, partitions: int, rail_speed: float, schemas: SchemaSource, ach_lead_us: int | None = None
) -> None:
    """Give the app its two agents: payments, with both their inputs, and the directory."""
    rule = decide if ach_lead_us is None else partial(decide, ach_lead_us=ach_lead_us)
    app.lane_agent(
        "payments",
        (topics.PAYMENT_COMMANDS.name, topics.RAIL_REPORTS.name),
        partial(
            decide_partition,
            events_topic=topics.PAYMENT_EVENTS.name,
            decisions=payment_decisions(partitions=partitions, rail_speed=rail_speed, rule=rule),
            schemas=schemas,
        ),
    )
    app.lane_agent(
        "directory",
        (topics.DIRECTORY_COMMANDS.name,),
        partial(
            decide_partition,
            events_topic=topics.DIRECTORY_EVENTS.name,
            decisions=directory_decisions(partitions=partitions),
            schemas=schemas,
        ),
    )
