"""One partition's lane on a real Kafka, with the stream app's own transactions, store, restore and decisions.

Only membership and fetches are the test's. So an owner can die or sleep at exactly the point that a story is about,
where a process under load would only do so by luck.
"""

from __future__ import annotations

import asyncio
import gc
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

from confluent_kafka import Message, TopicPartition

from chaos.answers import Answer, Ask, Channel, Said
from chaos.oracle import refused
from chaos.oracle.history import Event, Log
from chaos.oracle.told import Told, accepted_are_there
from chaos.oracle.violation import Kind
from payments.commands import InitiatePayment
from payments.payment import Payment
from schemas import codec, topics
from schemas.partitioning import partition_of
from stream_app.agents import decide_partition
from stream_app.decisions import payment_decisions
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import Fetch, OutputRecord, TopicPartitionNumber
from stream_app.exactly_once.store import DiskStore
from stream_app.exactly_once.transactions import WorkerTransactions
from stream_app.exactly_once.watchdog import EndOffsets
from stream_app.exactly_once.worker import LaneApp, WorkerConfig
from stream_app.schema_source import SchemaSource
from tests.integration.stream_worker import PARTITIONS, Stage, consumer, ends, eventually, read
from tests.integration.test_stream_survives import order_of
from tests.unit.stream_app.fetched import Read

PARTITION = 3
INPUTS = (topics.PAYMENT_COMMANDS.name, topics.RAIL_REPORTS.name)
DECIDED_S_MAX = 60.0


class Point(StrEnum):
    """A point of a batch's transaction, in the order in which they are met."""

    BEFORE_ALL = "nothing is written"
    WRITTEN = "the records are with the broker, the offsets are not in the transaction"
    BEFORE_COMMIT = "all is with the broker, nothing is committed"
    COMMITTED = "the transaction is committed, the store does not have its state yet"
    STORED = "the store has been written to after the commit"


AtPoint = Callable[[Point], None]


class Killed(Exception):
    """The process would be gone here: nothing that comes after happens."""


def dies_at(point: Point) -> AtPoint:
    def at(met: Point) -> None:
        if met is point:
            raise Killed(point)

    return at


class Owner:
    """A worker that takes the partition over when it is told to; `at_point` is called in the lane's thread."""

    def __init__(self, stage: Stage, instance: str = "stream-0", *, at_point: AtPoint = lambda _: None) -> None:
        self.failures: list[str] = []
        self._stage = stage
        self._at_point = at_point
        self._has_committed = False
        self._app = LaneApp(
            WorkerConfig(
                name=stage.group,
                bootstrap=stage.bootstrap,
                partitions=PARTITIONS,
                instance=instance,
                directory=stage.folder / instance,
            ),
            fail=self._fail,
        )

    async def decide_all(self, *, fetches: int = 1) -> None:
        """Own the partition until everything is decided, in so many fetches, or until it fails; then be gone."""
        lane = self._lane()
        await lane.fence()
        lane.start(
            partial(
                decide_partition,
                events_topic=topics.PAYMENT_EVENTS.name,
                decisions=payment_decisions(partitions=PARTITIONS, rail_speed=20.0),
                schemas=SchemaSource(None),
            )
        )
        for number, fetched in enumerate(await asyncio.to_thread(self._undecided, fetches)):
            for topic, sought, records in fetched:
                lane.take(
                    Fetch(
                        topic=topic,
                        partition=PARTITION,
                        generation=1,
                        seek=1,
                        number=number,
                        sought=sought,
                        records=records,
                    )
                )
            async with asyncio.timeout(DECIDED_S_MAX):
                while not self.failures and not (lane.is_restored and lane.is_idle):  # noqa: ASYNC110 - as in `settled`.
                    await asyncio.sleep(0.005)
        if not self.failures:
            await lane.close()
            return
        # As a killed process does it: files are closed, nothing is aborted, nothing more is written.
        await asyncio.to_thread(lane._thread.shutdown)
        self._app._transactions.close()
        if lane._store is not None:
            lane._store.close()

    def _lane(self) -> Lane:
        # That the partition is its own is the test's word.
        self._app._transactions._check = lambda _member: None
        around = replace(
            self._app.lanes._around,
            transactions=_Watched(self._app._transactions, self._met),
            store=lambda agent, number: _WatchedStore(self._app._store(agent, number), self._stored),
            owns=lambda _generation: True,
            # Of no generation: so the broker does not look at the group.
            member=lambda _generation: GroupMember(group=self._stage.group, generation=-1, member_id="", instance=None),
            hold=lambda _topic, _partition: None,
            release=lambda _topic, _partition: None,
            commit_s_max=DECIDED_S_MAX,
        )
        return Lane(agent="payments", partition=PARTITION, generation=1, after_seek=0, surroundings=around)

    def _met(self, point: Point) -> None:
        self._at_point(point)
        self._has_committed |= point is Point.COMMITTED

    def _stored(self) -> None:
        if self._has_committed:  # A restore writes as well.
            self._at_point(Point.STORED)

    def _undecided(self, fetches: int) -> list[list[tuple[str, int, list[Read]]]]:
        """Return, by fetch and topic, where the group is and the records from there, cut into so many fetches."""
        asker = consumer(self._stage.bootstrap, self._stage.group)
        try:
            committed = asker.committed([TopicPartition(topic, PARTITION) for topic in INPUTS], timeout=30)
        finally:
            asker.close()
        found: list[list[tuple[str, int, list[Read]]]] = [[] for _ in range(fetches)]
        for place in committed:
            records = [_read(each) for each in read(self._stage.bootstrap, place.topic, {PARTITION: place.offset})]
            size = -(-len(records) // fetches)
            for number in range(fetches):
                if some := records[number * size : (number + 1) * size]:
                    found[number].append((place.topic, place.offset, some))
        return found

    def _fail(self, reason: str, error: BaseException | None = None, **_fields: object) -> None:
        self.failures.append(f"{reason}: {error!r}")


class _Watched:
    """A worker's transactions that tell at which point they are."""

    def __init__(self, transactions: WorkerTransactions, at_point: AtPoint) -> None:
        self._transactions = transactions
        self._at_point = at_point

    def fence(self) -> None:
        self._transactions.fence()
        self._transactions._producer = _WatchedProducer(self._transactions._producer, self._at_point)  # type: ignore[assignment]

    def coming(self) -> None:
        self._transactions.coming()

    def commit(
        self, records: Sequence[OutputRecord], offsets: Mapping[TopicPartitionNumber, int], member: GroupMember
    ) -> dict[TopicPartitionNumber, int]:
        self._at_point(Point.BEFORE_ALL)
        return self._transactions.commit(records, offsets, member)


class _WatchedProducer:
    def __init__(self, producer: Any, at_point: AtPoint) -> None:
        self._producer = producer
        self._at_point = at_point

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    # Who has slept at a point has used up the time that was given: it gets all of it again, to do the worst it can.

    def send_offsets_to_transaction(self, offsets: Any, member: Any, _seconds: float) -> None:
        self._producer.flush(DECIDED_S_MAX)
        self._at_point(Point.WRITTEN)
        self._producer.send_offsets_to_transaction(offsets, member, DECIDED_S_MAX)

    def commit_transaction(self, _seconds: float) -> None:
        self._at_point(Point.BEFORE_COMMIT)
        self._producer.commit_transaction(DECIDED_S_MAX)
        self._at_point(Point.COMMITTED)


class _WatchedStore:
    def __init__(self, store: DiskStore, written: Callable[[], None]) -> None:
        self._store = store
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, changes: Mapping[bytes, bytes | None], *, next_offset: int, decided: bytes | None = None) -> None:
        self._store.write(changes, next_offset=next_offset, decided=decided)
        self._written()


def new_stage(bootstrap: str, folder: Path) -> Stage:
    """Return a stage with a folder, a group and a tenant that no other story has."""
    own = folder / uuid.uuid4().hex[:8]
    own.mkdir()
    return Stage(bootstrap, own)


def orders_of(stage: Stage, number: int) -> list[InitiatePayment]:
    """Return orders whose payments live on the partition."""
    every = (order_of(stage, each) for each in count())
    return list(islice((order for order in every if partition_of(order.key, PARTITIONS) == PARTITION), number))


def violations(stage: Stage, accepted: Iterable[InitiatePayment]) -> set[Kind]:
    """Return what the oracle finds in what this stage's tenant has on the log, given the orders that Kafka took."""
    _wait_visible(stage)
    told = Told(
        Answer(at_us=1, channel=Channel.MURMUR2, ask=Ask.PAY, payment_id=order.payment_id, said=Said.ACCEPTED)
        for order in accepted
    )
    log = Log(_events(stage), partitions=PARTITIONS)
    rejections = [each for each in stage.rejections() if each.tenant_id == stage.tenant]
    found = [*log.violations, *accepted_are_there(told, log), *refused.refused_once(rejections)]
    gc.collect()  # A Faust app is a cycle, and its clients go on asking a broker that the test run has ended.
    return {violation.kind for violation in found}


def _wait_visible(stage: Stage) -> None:
    """Wait until no transaction is open: a commit is acknowledged before its markers are written."""
    stable = EndOffsets(stage.bootstrap, client_id="visible")
    for topic in (topics.PAYMENT_EVENTS.name, topics.PAYMENT_REJECTIONS.name):
        log_ends = {(topic, number): end for number, end in ends(stage.bootstrap, topic).items()}
        eventually(
            lambda log_ends=log_ends: stable.of(list(log_ends)) == log_ends,  # type: ignore[misc]
            DECIDED_S_MAX,
            lambda topic=topic: f"a transaction is open on {topic}",  # type: ignore[misc]
        )


def _events(stage: Stage) -> Iterable[Event]:
    for message in stage.records(topics.PAYMENT_EVENTS):
        value = message.value()
        payment = codec.decode(value)
        assert isinstance(payment, Payment)
        if payment.head.tenant_id == stage.tenant:
            key, partition, offset = message.key(), message.partition(), message.offset()
            assert isinstance(key, bytes)
            assert value is not None
            assert partition is not None
            assert offset is not None
            yield Event(partition=partition, offset=offset, key=key.decode(), value=value, payment=payment)


def _read(message: Message) -> Read:
    topic, partition, offset, key = message.topic(), message.partition(), message.offset(), message.key()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return Read(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=message.timestamp()[1],
        key=key.encode() if isinstance(key, str) else key,
        value=message.value(),
    )
