"""Every lane of the process: which are open, what of their work may be committed, whether the worker is ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from stream_app.exactly_once.lane import Lane, Surroundings
from stream_app.exactly_once.records import Fetch

TopicPartition = tuple[str, int]
Work = Callable[[Lane], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneAgent:
    """What an agent does with each of its partitions: the coroutine that a lane runs over these topics."""

    name: str
    topics: tuple[str, ...]
    work: Work


class Lanes:
    """One lane a partition and agent, for one generation of the group at a time."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._agents: dict[str, LaneAgent] = {}
        self._lanes: dict[TopicPartition, Lane] = {}
        self._committed: dict[TopicPartition, int] = {}
        self.is_assigned = False
        self.changed_at = time.monotonic()

    def add(self, agent: LaneAgent) -> None:
        for topic in agent.topics:
            assert topic not in self._agents, "a topic has one agent, because a record has one lane"
            self._agents[topic] = agent

    @property
    def all(self) -> list[Lane]:
        return list({id(lane): lane for lane in self._lanes.values()}.values())

    @property
    def assigned(self) -> dict[TopicPartition, Lane]:
        return dict(self._lanes)

    async def open(self, assigned: set[TopicPartition], *, generation: int, after_seek: int) -> None:
        """Open a lane for every agent and partition assigned; each restores its state before it decides anything."""
        await self.close()
        self.forget()
        by_agent: dict[tuple[str, int], Lane] = {}
        for topic, partition in sorted(assigned):
            agent = self._agents[topic]
            lane = by_agent.get((agent.name, partition))
            if lane is None:
                assert {(t, partition) for t in agent.topics} <= assigned, "an agent's topics are assigned together"
                lane = by_agent[agent.name, partition] = Lane(
                    agent=agent.name,
                    partition=partition,
                    generation=generation,
                    after_seek=after_seek,
                    surroundings=self._around,
                )
                lane.start(agent.work)
            self._lanes[topic, partition] = lane
        self.is_assigned = True
        self.changed_at = time.monotonic()
        log.info("lanes_opened", generation=generation, lanes=len(by_agent))

    async def close(self) -> None:
        """Let every lane finish its batch and stop; what they decided can still be committed until `forget`."""
        self.is_assigned = False
        await asyncio.gather(*(lane.close() for lane in self.all))

    def forget(self) -> None:
        """Drop the closed lanes with their state: the next owner restores it from the log."""
        self._lanes.clear()
        self._committed.clear()

    def take(self, fetch: Fetch) -> None:
        """Hand a fetch to its lane."""
        lane = self._lanes.get((fetch.topic, fetch.partition))
        if lane is not None and self.is_assigned:
            lane.take(fetch)

    def uncommitted(self) -> dict[TopicPartition, int]:
        """Return the offsets that the lanes have decided up to and that are not committed yet."""
        offsets: dict[TopicPartition, int] = {}
        for (topic, partition), lane in self._lanes.items():
            offset = lane.next_offsets.get(topic)
            if offset is not None and self._committed.get((topic, partition)) != offset:
                offsets[topic, partition] = offset
        return offsets

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Remember what has been committed."""
        self._committed.update(offsets)

    def restoring(self) -> list[str]:
        return [f"{lane.agent}-{lane.partition}" for lane in self.all if not lane.is_restored]

    def waiting(self) -> dict[str, str]:
        return {f"{lane.agent}-{lane.partition}": lane.waits_for for lane in self.all if lane.waits_for is not None}
