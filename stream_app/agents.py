"""The agents: look up, decide, commit, apply, for every batch of every partition."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol, TypeVar

from schemas import codec, topics
from stream_app.decisions import Written, directory_decisions, payment_decisions, refuse_unknown_schema
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import InputRecord
from stream_app.exactly_once.worker import LaneApp
from stream_app.metrics import count_decisions
from stream_app.schema_source import SchemaSource
from stream_app.stored import FORMAT, StateOfUnknownSchema, stored, value_of
from stream_app.table import Table

Value = TypeVar("Value")


class Decisions(Protocol[Value]):
    """Reads and decides the records of a batch against a table; see `stream_app.decisions`."""

    def ids(self, records: Iterable[InputRecord]) -> Iterable[str]: ...
    def read(self, record: InputRecord, table: Table[Value]) -> Any: ...
    def decide(self, record: InputRecord, read: Any, table: Table[Value], written: Written) -> None: ...


async def decide_partition(
    lane: Lane, *, events_topic: str, decisions: Decisions[Value], schemas: SchemaSource
) -> None:
    """Decide one partition, batch after batch, until it is given back."""
    table: Table[Value] = Table(await lane.restore(events_topic, form=FORMAT), encode=stored, decode=value_of)
    async for taken in lane.batches():
        # Step by step over the whole batch: code that runs in a row costs half of code that takes turns.
        table.fetch(decisions.ids(taken.records))
        reads = [decisions.read(record, table) for record in taken.records]
        written, batch, unknown = Written(), taken, None
        for number, (record, read) in enumerate(zip(taken.records, reads, strict=True)):
            try:
                decisions.decide(record, read, table, written)
            except (codec.UnknownSchema, StateOfUnknownSchema) as error:
                if schemas.is_absent(error.schema_id):
                    if isinstance(error, StateOfUnknownSchema):
                        raise  # Deciding without the state would decide twice: stop.
                    refuse_unknown_schema(record, error.schema_id, written, lane.agent)
                    continue
                # What is before it is decided now; the record and what follows wait until somebody knows the schema.
                batch, unknown = lane.give_back(taken, number), error.schema_id
                break
        await lane.commit(batch, written.secrets, written.records, state=table.staged())
        table.applied()
        count_decisions(lane.agent, written.decisions)
        if unknown is not None:
            await schemas.resolve(unknown, lane)


def add_agents(app: LaneApp, *, partitions: int, rail_speed: float, schemas: SchemaSource) -> None:
    """Give the app its two agents: payments, with both their inputs, and the directory."""
    app.lane_agent(
        "payments",
        (topics.PAYMENT_COMMANDS.name, topics.RAIL_REPORTS.name),
        partial(
            decide_partition,
            events_topic=topics.PAYMENT_EVENTS.name,
            decisions=payment_decisions(partitions=partitions, rail_speed=rail_speed),
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
