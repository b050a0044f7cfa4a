"""Fetches: Faust's Kafka transport, so changed that all that is fetched at once is one event, and nothing is lost.

What is replaced, and why (paths are Faust 0.15.3's):

Private names of aiokafka are used in nine places (`# noqa: SLF001`): it offers neither generation nor position to
another thread. Faust is pinned to one version.

- transport/consumer.py `commit`: Faust commits past unprocessed offsets; here the lanes commit, in transactions.
- drivers/aiokafka.py `_create_worker_consumer`: Faust reads uncommitted, and without tables of its own it deals
  partitions round robin, so that two topics of one agent would part; here read committed and co-partitioned.
- drivers/aiokafka.py `_fetch_records`: numbers each fetch, because Faust may deliver what was fetched before a seek, or
  drop a fetch silently; a lane takes only the next number.
- aiokafka's `fetch_min_bytes` and `fetch_max_wait_ms` never change; here they follow how busy the worker is.
- aiokafka's `auto_offset_reset`: jumps over records that were deleted, without a word; here that stops the worker.
- aiokafka `seek_to_committed`: leaves a partition without a commit where it stands, that is, behind records already
  fetched; here it goes back to the beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import aiokafka
import faust
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream_app.exactly_once import metrics
from stream_app.exactly_once.fetch_pace import FetchPace
from stream_app.exactly_once.gaps import InputGone, find_gaps
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.records import Fetch

if TYPE_CHECKING:
    from stream_app.exactly_once.lanes import Lanes


class NumberedConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the Kafka consumer; it numbers what it fetches."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.seeks = 0
        self._sought_generation: int | None = None
        self.sought: dict[TP, int] = {}
        self._numbers: dict[TP, int] = {}
        self._pace = FetchPace()

    @property
    def generation(self) -> int:
        """The group's generation as this member knows it now; -1 when the group has put it out."""
        consumer = self._consumer
        return -1 if consumer is None else int(consumer._coordinator.generation)  # noqa: SLF001

    @property
    def membership_failed(self) -> BaseException | None:
        """What ended the consumer's work for its group, if something has: aiokafka tells nobody but those who fetch.

        Seen when a broker answered that there are no brokers, as one does that has just started: a worker that had no
        partitions yet waited for them in vain.
        """
        coordinator = None if self._consumer is None else self._consumer._coordinator  # noqa: SLF001
        task = None if coordinator is None else coordinator._coordination_task  # noqa: SLF001
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    def member(self, generation: int) -> GroupMember:
        """Return who this member is to the group in `generation`."""
        consumer, conf = self._consumer, self.app.conf
        assert consumer is not None, "only a member has lanes"
        return GroupMember(
            group=conf.id,
            generation=generation,
            member_id=consumer._coordinator.member_id,  # noqa: SLF001
            instance=conf.consumer_group_instance_id,
        )

    def position(self, tp: TP) -> int | None:
        """Return the offset that will be fetched next, past transaction markers too; None when unknown."""
        consumer = self._consumer
        subscription = consumer._subscription.subscription if consumer is not None else None  # noqa: SLF001
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None or tp not in assignment.tps:
            return None
        position: int | None = assignment.state_value(TopicPartition(tp.topic, tp.partition))._position  # noqa: SLF001
        return position

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take the partitions up with a beating heart: what a former owner left open may take longer than a session.

        aiokafka beats again only when this has returned.
        """
        self._ensure_consumer()._coordinator._start_heartbeat_task()  # noqa: SLF001
        await super().on_partitions_assigned(assigned, generation_id)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=self._pace.wait_ms,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def _fetch_records(
        self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **kwargs: Any
    ) -> Mapping[TP, list[Sequence[Fetch]]]:
        try:
            fetched = await super()._fetch_records(consumer, *args, **kwargs)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            if self._is_of_this_seek(error):
                raise
            return {}  # It was asked for before the partition was sought, which gives it an offset that is there.
        # aiokafka hands the records over without awaiting anything after it took them, so no seek comes in between, nor
        # has it asked for more yet.
        self._set_pace(consumer, sum(map(len, fetched.values())))
        numbered = [self._number(TP(tp.topic, tp.partition), records) for tp, records in fetched.items()]
        # Faust's way from here to the agent costs the same whatever an event holds. What it drops is missed all the
        # same: each partition's next fetch breaks its chain.
        return {first: [numbered] for first in list(fetched)[:1]}

    def _set_pace(self, consumer: aiokafka.AIOKafkaConsumer, records: int) -> None:
        self._pace.fetched(records, time.monotonic())
        fetcher = consumer._fetcher  # noqa: SLF001
        fetcher._fetch_min_bytes = self._pace.bytes_min  # noqa: SLF001
        fetcher._fetch_max_wait_ms = self._pace.wait_ms  # noqa: SLF001

    def _is_of_this_seek(self, error: NoOffsetForPartitionError | OffsetOutOfRangeError) -> bool:
        if isinstance(error, NoOffsetForPartitionError) or self.generation != self._sought_generation:
            return False
        asked: Mapping[TopicPartition, int] = error.args[0]
        return any(offset >= self.sought[TP(tp.topic, tp.partition)] for tp, offset in asked.items())

    def _number(self, tp: TP, records: list[Any]) -> Fetch:
        generation = self.generation
        is_sought = generation == self._sought_generation and tp in self.sought
        number = self._numbers.get(tp, 0)
        self._numbers[tp] = number + 1
        return Fetch(
            topic=tp.topic,
            partition=tp.partition,
            generation=generation,
            seek=self.seeks if is_sought else None,
            number=number,
            sought=self.sought.get(tp, 0),
            records=records,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the committed offset of every assigned partition, to the earliest where nothing was committed."""
        offsets: Mapping[TP, int] = await self.call_thread(self._seek_to_committed)
        return offsets

    async def _seek_to_committed(self) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        generation = self.generation
        partitions = list(consumer.assignment())
        earliest = await consumer.beginning_offsets(partitions) if partitions else {}
        committed = await asyncio.gather(*(consumer.committed(tp) for tp in partitions))
        offsets = {
            TP(tp.topic, tp.partition): earliest[tp] if offset is None else offset
            for tp, offset in zip(partitions, committed, strict=True)
        }
        begins = {TP(tp.topic, tp.partition): offset for tp, offset in earliest.items()}
        if gaps := find_gaps(dict(zip(offsets, committed, strict=True)), begins):
            # The lanes were opened on a log without gaps: it has lost records since.
            raise InputGone(gaps)
        # From here to the end nothing is awaited: no fetch can be numbered by half of a seek.
        for tp in partitions:
            consumer.seek(tp, offsets[TP(tp.topic, tp.partition)])
        self.seeks += 1
        self.sought = offsets
        self._sought_generation = generation
        self._numbers.clear()
        return offsets


class LaneConsumer(driver.Consumer):
    """Faust's consumer, which opens the lanes at an assignment, closes them at a revocation, and commits nothing."""

    _thread: NumberedConsumerThread

    @property
    def lanes(self) -> Lanes:
        return self.app.lanes  # type: ignore[no-any-return]

    @property
    def thread(self) -> NumberedConsumerThread:
        return self._thread

    def _new_consumer_thread(self) -> NumberedConsumerThread:
        return NumberedConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        """Return the fetches of all partitions as a message of the first of them."""
        fetches: list[Fetch] = record
        fetch = fetches[0]
        first = fetch.records[0]
        return ConsumerMessage(
            fetch.topic,
            fetch.partition,
            first.offset,
            first.timestamp / 1000,
            first.timestamp_type,
            [],
            None,
            fetches,
            None,
            0,
            0,
            tp,
            generation_id=fetch.generation,
        )

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit nothing: offsets are committed by the lanes, in the transaction of what was decided of them."""
        return False

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Open the lanes before Faust asks for committed offsets: that waits for what former owners left open.

        aiokafka does not ask for stable offsets: one of a transaction that is still open must not be missed.
        """
        metrics.REBALANCES.inc()
        await self.lanes.open(
            {(tp.topic, tp.partition) for tp in assigned}, generation=generation_id, after_seek=self._thread.seeks
        )
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let the lanes finish and commit what they have in hand, while this member still owns the partitions."""
        await super().on_partitions_revoked(revoked)
        await self.lanes.close()
        self.lanes.forget()

    def hold(self, topic: str, partition: int) -> None:
        """Stop fetching a partition whose lane has enough to do."""
        self.on_buffer_full(TP(topic, partition))

    def release(self, topic: str, partition: int) -> None:
        """Fetch the partition again."""
        self.on_buffer_drop(TP(topic, partition))

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust's list of gaps serves its own commits, which are not used."""


class LaneTransport(driver.Transport):
    """Faust's aiokafka transport with the consumer above."""

    Consumer = LaneConsumer


class FetchSchema(faust.Schema):
    """Hands the fetches on as they are: Faust decodes nothing, so it has nothing to acknowledge as undecodable."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> list[Fetch]:
        return message.value  # type: ignore[no-any-return]
