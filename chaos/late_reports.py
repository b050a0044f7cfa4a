"""Rail reports told again: some at once, some much later, some by a producer with another partitioner."""

from __future__ import annotations

import asyncio
import random
import time

from chaos.answers import Channel
from chaos.producers import Producers, Raw
from kafka_log.reader import LogReader
from schemas.topics import RAIL_REPORTS

SHARE = 0.05
LATE_S_MAX = 20.0
READ_MAX, READ_S = 500, 0.2
# What we wrote ourselves is not repeated for ever.
MARK = ("chaos", b"again")
UNWRITTEN_MAX = 2000


class LateReports:
    """Repeats a share of what comes to rail-reports, until it is closed; `count` is how many were written again."""

    def __init__(self, bootstrap: str, producers: Producers, *, seed: int) -> None:
        self.count = 0
        self._producers = producers
        self._chance = random.Random(f"late reports {seed}")
        self._reader = LogReader(bootstrap, client_id="chaos-reports")
        self._stopping = False
        self._writing: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Read and repeat until `stop`."""
        ends = await asyncio.to_thread(self._reader.end_offsets, RAIL_REPORTS.name)
        self._reader.assign({(RAIL_REPORTS.name, partition): end for partition, end in ends.items()})
        while not self._stopping:
            for message in await asyncio.to_thread(self._reader.read, READ_MAX, READ_S):
                is_ours = MARK in (message.headers() or ())
                if is_ours or self._chance.random() >= SHARE or len(self._writing) >= UNWRITTEN_MAX:
                    continue
                record = Raw(topic=RAIL_REPORTS.name, key=message.key(), value=message.value(), headers=[MARK])
                task = asyncio.create_task(self._repeat(record), name=f"repeat {time.monotonic()}")
                self._writing.add(task)
                task.add_done_callback(self._writing.discard)

    async def stop(self) -> None:
        """Read nothing more, and return when what is still to be told late has been told."""
        self._stopping = True
        while self._writing:
            await asyncio.gather(*self._writing)

    def close(self) -> None:
        self._reader.close()

    async def _repeat(self, record: Raw) -> None:
        await asyncio.sleep(self._chance.choice([0.0, self._chance.uniform(0, LATE_S_MAX)]))
        channel = self._chance.choice([Channel.MURMUR2, Channel.CRC32])
        if await self._producers.send(channel, record) is not None:
            self.count += 1
