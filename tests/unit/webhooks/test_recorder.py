"""Attempts last when they are on the log and in the state, in that order; of a partition that went, only on the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from kafka_log.producer import LogUnavailable, OutRecord, Position
from schemas import codec
from tests.unit.webhooks.deliveries import ENDPOINT, attempted, due
from webhooks.recorder import Made, Recorder


def test_what_kafka_did_not_acknowledge_is_written_again_before_anybody_is_told() -> None:
    happened: list[object] = []
    answers: Iterator[LogUnavailable | list[Position]] = iter(
        [LogUnavailable("away"), [Position(topic="t", partition=3, offset=41)]]
    )

    async def send(records: Sequence[OutRecord]) -> list[Position]:
        happened.append([(record.key, record.partition) for record in records])
        assert codec.decode(records[0].value) == attempted(due(1, partition=3))
        answer = next(answers)
        if isinstance(answer, LogUnavailable):
            raise answer
        return answer

    async def apply(made: Sequence[Made], next_deliveries: Mapping[int, int]) -> None:
        happened.append(next_deliveries)

    async def tell() -> None:
        recording = Recorder(send, apply, {3})
        work = asyncio.create_task(recording.work())
        await recording.record([(3, attempted(due(1, partition=3)))])
        happened.append("told")
        work.cancel()

    asyncio.run(tell())
    assert happened == [[(ENDPOINT, 3)], [(ENDPOINT, 3)], {3: 42}, "told"]


def test_the_state_of_a_partition_that_went_is_not_changed() -> None:
    applied: list[object] = []

    async def send(records: Sequence[OutRecord]) -> list[Position]:
        return [Position(topic="t", partition=each.partition or 0, offset=7) for each in records]

    async def apply(made: Sequence[Made], next_deliveries: Mapping[int, int]) -> None:
        applied.append(([partition for partition, _ in made], next_deliveries))

    async def tell() -> None:
        recording = Recorder(send, apply, {1})
        work = asyncio.create_task(recording.work())
        both = [(1, attempted(due(1, partition=1))), (2, attempted(due(1, partition=2)))]
        await recording.record(both)
        await recording.record(both[1:])
        work.cancel()

    asyncio.run(tell())
    assert applied == [([1], {1: 8})]
