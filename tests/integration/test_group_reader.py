"""The reader of a group on a real log: what it tells, and how often."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest
from confluent_kafka import Message

from kafka_log.group_reader import GroupReader, Told
from schemas.topics import PAYMENT_EVENTS
from tests.integration.own_broker import OwnBroker
from tests.integration.projected_log import Writer, life, order
from tests.integration.rail_processes import PARTITIONS
from tests.integration.rail_world import broker_with_topics

WAIT_S_MAX = 60.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with broker_with_topics(tmp_path_factory.mktemp("kafka")) as running:
        yield running


class Listener:
    """Remembers what the reader tells."""

    def __init__(self) -> None:
        self.ends: Counter[int] = Counter()
        self.keys: set[str | bytes | None] = set()
        self.changed = asyncio.Event()

    async def assigned(self, told: Mapping[int, Told | None]) -> Mapping[int, int]:
        return dict.fromkeys(told, 0)

    async def revoked(self, partitions: Sequence[int]) -> None: ...

    async def gone(self, partition: int) -> None: ...

    async def read(self, messages: Sequence[Message]) -> None:
        self.keys.update(message.key() for message in messages)
        self.changed.set()

    async def caught_up(self, partition: int) -> None:
        self.ends[partition] += 1
        self.changed.set()

    async def until_told_of(self, *, ends: int, keys: set[str | bytes | None]) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            while len(self.ends) < ends or not keys <= self.keys:
                self.changed.clear()
                await self.changed.wait()


def test_the_end_of_a_partition_is_told_once_however_many_records_come_one_by_one(broker: OwnBroker) -> None:
    async def read_one_by_one() -> Listener:
        told, writer, loop = Listener(), Writer(broker.bootstrap), asyncio.get_running_loop()
        name = f"reader-{uuid.uuid4()}"
        reader = GroupReader(broker.bootstrap, told, topic=PAYMENT_EVENTS.name, group=name, instance=name, loop=loop)
        reader.start()
        try:
            await told.until_told_of(ends=PARTITIONS, keys=set())
            for number in range(20):
                (pending, *_) = life(order("tenant-of-reader", number), number)
                await asyncio.to_thread(writer.write, [pending])
                await told.until_told_of(ends=PARTITIONS, keys={pending.payment_id.encode()})
        finally:
            reader.stop()
            await reader.ended
        return told

    assert asyncio.run(read_one_by_one()).ends == dict.fromkeys(range(PARTITIONS), 1)
