"""Every lane of the process: which are open, which are being restored or wait, whether the worker is ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from stream_app.exactly_once.gaps import InputGone
from stream_app.exactly_once.lane import Lane, Surroundings
from stream_app.exactly_once.records import Fetch, TopicPartitionNumber

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
        self._work: dict[str, Work] = {}
        self._lanes: dict[TopicPartitionNumber, Lane] = {}
        self.is_assigned = False
        self.changed_at = time.monotonic()

    def add(self, agent: LaneAgent) -> None:
        for topic in agent.topics:
            assert topic not in self._agents, "a topic has one agent, because a record has one lane"
            self._agents[topic] = agent
        self._work[agent.name] = agent.work

    @property
    def all(self) -> list[Lane]:
        return list({id(lane): lane for lane in self._lanes.values()}.values())

    @property
    def assigned(self) -> dict[TopicPartitionNumber, Lane]:
        return dict(self._lanes)

    async def open(self, assigned: set[TopicPartitionNumber], *, generation: int, after_seek: int) -> None:
        """Open a lane for every agent and partition assigned; each restores its state before it decides anything.

        Returns when nothing of a former owner is open any more: from then on only these lanes commit.
        """
        try:
            await self._open(assigned, generation, after_seek)
        except Exception as error:
            # aiokafka would log it, and the worker would hold its partitions without deciding them.
            self._around.fail("lanes_not_opened", error)
            raise

    async def _open(self, assigned: set[TopicPartitionNumber], generation: int, after_seek: int) -> None:
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
            self._lanes[topic, partition] = lane
        await asyncio.gather(*(lane.fence() for lane in by_agent.values()))
        await self._cross_gaps()
        for (name, _), lane in by_agent.items():
            lane.start(self._work[name])
        self.is_assigned = True
        self.changed_at = time.monotonic()
        log.info("lanes_opened", generation=generation, lanes=len(by_agent))

    async def _cross_gaps(self) -> None:
        """Go behind what is gone and was accepted; anything else that is gone ends the worker before it decides.

        What is committed is known only when no transaction of a former owner is open: this waits for that.
        """
        gaps = await asyncio.to_thread(self._around.find_gaps, list(self._lanes))
        records = {gap: self._around.accept_gap(gap) for gap in gaps}
        if refused := [gap for gap, record in records.items() if record is None]:
            remedy = f"bring the records back, or accept: DIRECTPAY_STREAM_ACCEPT_GAP={','.join(map(str, gaps))}"
            self._around.fail("input_gone", gone=str(InputGone(refused)), remedy=remedy)
            return
        for gap, record in records.items():
            assert record is not None, "what is not accepted ends the worker"
            await self._lanes[gap.topic, gap.partition].cross(gap, record)

    async def close(self) -> None:
        """Let every lane finish its batch, commit it, and stop."""
        self.is_assigned = False
        await asyncio.gather(*(lane.close() for lane in self.all))

    def forget(self) -> None:
        """Drop the closed lanes with their state: the next owner restores it from the log."""
        self._lanes.clear()

    def take(self, fetch: Fetch) -> None:
        """Hand a fetch to its lane."""
        lane = self._lanes.get((fetch.topic, fetch.partition))
        if lane is not None and self.is_assigned:
            lane.take(fetch)

    def restoring(self) -> list[str]:
        return [f"{lane.agent}-{lane.partition}" for lane in self.all if not lane.is_restored]

    def waiting(self) -> dict[str, str]:
        return {f"{lane.agent}-{lane.partition}": lane.waits_for for lane in self.all if lane.waits_for is not None}
