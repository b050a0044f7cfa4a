"""The gateway's reader on a real log: what it tells, and how often."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest

from rails.hand import Seen
from rails.payment_reader import PaymentReader
from tests.integration.own_broker import OwnBroker
from tests.integration.projected_log import Writer, life, order
from tests.integration.rail_processes import PARTITIONS
from tests.integration.rail_world import broker_with_topics

WAIT_S_MAX = 60.0


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with broker_with_topics(tmp_path_factory.mktemp("kafka")) as running:
        yield running


class Told:
    """Remembers what the reader tells."""

    def __init__(self) -> None:
        self.ends: Counter[int] = Counter()
        self.payments: set[str] = set()
        self.changed = asyncio.Event()

    async def assigned(self, partitions: Sequence[int], notes: Mapping[int, str]) -> Mapping[int, int | None]:
        return dict.fromkeys(partitions)

    async def revoked(self, partitions: Sequence[int]) -> None: ...

    async def gone(self, partition: int) -> None: ...

    async def seen(self, records: Sequence[Seen]) -> None:
        self.payments.update(record.payment_id for record in records if record.payment_id is not None)
        self.changed.set()

    async def caught_up(self, partition: int) -> None:
        self.ends[partition] += 1
        self.changed.set()

    async def until_told_of(self, *, ends: int, payments: set[str]) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            while len(self.ends) < ends or not payments <= self.payments:
                self.changed.clear()
                await self.changed.wait()


def test_the_end_of_a_partition_is_told_once_however_many_records_come_one_by_one(broker: OwnBroker) -> None:
    async def read_one_by_one() -> Told:
        told, writer, loop = Told(), Writer(broker.bootstrap), asyncio.get_running_loop()
        reader = PaymentReader(broker.bootstrap, told, instance=f"rails-{uuid.uuid4()}", loop=loop)
        reader.start()
        try:
            await told.until_told_of(ends=PARTITIONS, payments=set())
            for number in range(20):
                (pending, *_) = life(order("tenant-of-reader", number), number)
                await asyncio.to_thread(writer.write, [pending])
                await told.until_told_of(ends=PARTITIONS, payments={pending.payment_id})
        finally:
            reader.stop()
            await reader.ended
        return told

    assert asyncio.run(read_one_by_one()).ends == dict.fromkeys(range(PARTITIONS), 1)
