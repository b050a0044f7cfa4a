"""The topology of our stream stage on stock Faust: one agent over both inputs, a table with its changelog, the events.

What is decided, and the bytes of it, come from the same functions as ours: intake, lifecycle, codec, stored form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import faust
from yarl import URL

from bench.peers.stock_faust import tuning
from payments.commands import CancelPayment, InitiatePayment, Order, RailReport
from payments.decision import Decision, Moved, Refused, Unchanged
from payments.lifecycle import decide
from payments.payment import Payment
from payments.rejection import Rejection
from schemas import codec, topics
from stream_app.exactly_once.metrics import WRITTEN
from stream_app.intake import Intake, Stray
from stream_app.rejections import refused_value
from stream_app.stored import Snapshot, Step, stored, value_of

INPUTS = (topics.PAYMENT_COMMANDS, topics.RAIL_REPORTS)
COUNT_WRITTEN = WRITTEN.labels(topics.PAYMENT_EVENTS.name).inc

Rule = Callable[[Order, Payment | None], Decision]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockConfig:
    """`name` is the consumer group and the prefix of all its topics; `guarantee` is Faust's processing_guarantee.

    With `confirmed`, the agent goes on only when the broker has what was sent: slower, and the most careful way.
    """

    name: str
    bootstrap: str
    partitions: int
    state_dir: Path
    instance: str
    health_port: int
    guarantee: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A Faust message as our intake reads records: time in whole milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int | None
    key: bytes | None
    value: bytes | None
    headers: Any


def build_app(config: StockConfig, rule: Rule = decide) -> faust.App:
    """Return the app with its agent; `rule` is what decides."""
    app = faust.App(
        config.name,
        broker=URL(f"kafka://{config.bootstrap}"),
        broker_client_id=config.instance,
        # Static membership, as ours: a restart under the same name needs no rebalance.
        consumer_group_instance_id=config.instance,
        # Part of its assignment: another URL under the same instance id would leave the worker without work.
        canonical_url=f"http://{config.instance}",
        datadir=Path(config.state_dir) / config.instance,
        store="rocksdb://",
        processing_guarantee=config.guarantee,
        topic_partitions=config.partitions,
        topic_replication_factor=1,
        producer_linger=0.0 if config.confirmed else tuning.LINGER_S,
        **tuning.SETTINGS,
    )
    names = {topic: f"{config.name}-{topic.name}" for topic in INPUTS}
    table = app.Table(
        "payments",
        schema=faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"),
        key_type=bytes,
        value_type=bytes,
        partitions=config.partitions,
        options=dict(tuning.ROCKSDB),
    )
    agent = Agent(
        table=table,
        intake=_intake(names, config.partitions),
        events=_topic(app, config, topics.PAYMENT_EVENTS),
        rejections=_topic(app, config, topics.PAYMENT_REJECTIONS),
        inputs={names[each]: _topic(app, config, each) for each in INPUTS},
        rule=rule,
        confirmed=config.confirmed,
    )
    app.agent(_topic(app, config, *INPUTS), isolated_partitions=True, name="payments")(agent.run)
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Looks a payment up, decides, sends the event, and remembers the payment in the table."""

    table: Any
    intake: Intake[Order]
    events: Any
    rejections: Any
    inputs: dict[str, Any]
    rule: Rule
    confirmed: bool

    async def run(self, stream: Any) -> None:
        async for event in stream.events():
            record = _record(event.message)
            read = self.intake.read(record, is_at_home=False)
            if isinstance(read, Stray):
                stray = read.forwarded
                await self._send(self.inputs[stray.topic], stray.key, stray.value, stray.partition)
            elif isinstance(read, Rejection):
                await self._send(self.rejections, record.key, codec.encode(read), record.partition)
            elif isinstance(read, codec.UnknownSchema):
                raise read
            else:
                await self._decide(record, read)

    async def _decide(self, record: Record, order: Order) -> None:
        known = self.table.get(order.payment_id.encode())
        before: Snapshot | None = None if known is None else value_of(known)
        decision = self.rule(order, None if before is None else before.payment)
        match decision:
            case Moved(payment=moved):
                key, snapshot = moved.payment_id.encode(), Step(moved, before).snapshot()
                headers = codec.event_headers(moved)
                # The event before the table: a crash between them then repeats it, and does not forget it.
                await self._send(self.events, key, snapshot.event(), record.partition, headers=headers)
                self.table[key] = stored(snapshot)
                COUNT_WRITTEN()
            case Unchanged():
                pass
            case Refused(refusal=refusal):
                refused = refused_value(record, order, refusal.code, refusal.detail, refusal.errors)
                await self._send(self.rejections, record.key, codec.encode(refused), record.partition)
            case _:
                assert_never(decision)

    async def _send(
        self, topic: Any, key: bytes | None, value: bytes | None, partition: int | None, **more: Any
    ) -> None:
        acknowledged = await topic.send(key=key, value=value, partition=partition, **more)
        if self.confirmed:
            await acknowledged


def _topic(app: faust.App, config: StockConfig, *described: topics.Topic) -> Any:
    names = [f"{config.name}-{each.name}" for each in described]
    return app.topic(*names, key_serializer="raw", value_serializer="raw", partitions=config.partitions)


def _intake(names: dict[topics.Topic, str], partitions: int) -> Intake[Order]:
    accepts: dict[str, tuple[type[Order], ...]] = {
        names[topics.PAYMENT_COMMANDS]: (InitiatePayment, CancelPayment),
        names[topics.RAIL_REPORTS]: (RailReport,),
    }
    return Intake(accepts=accepts, key_of=lambda order: order.key, partitions=partitions)


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=int(message.timestamp * 1000),
        timestamp_type=message.timestamp_type,
        key=message.key,
        value=message.value,
        headers=message.headers or (),
    )
