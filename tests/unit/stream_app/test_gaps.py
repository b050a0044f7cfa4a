"""Gaps: what is gone between the decided and the log's beginning, how it is written, and who may pass it."""

from __future__ import annotations

import asyncio

import pytest

from stream_app.exactly_once.gaps import Gap, find_gaps, parse_gaps
from stream_app.exactly_once.records import OutputRecord
from stream_app.exactly_once.retention import OffsetsUnknown, trim_targets
from tests.unit.stream_app.fetched import Process
from tests.unit.stream_app.test_lanes import ASSIGNED, lanes_of

GAP = Gap(topic="payment-commands", partition=3, first=1200, last=1500)
PLACE = ("commands", 0)


def test_a_gap_reads_as_it_is_written() -> None:
    assert str(GAP) == "payment-commands-3:1200-1500"
    other = Gap(topic="x.y-1", partition=0, first=0, last=0)
    assert parse_gaps(f"{GAP}, {other},") == {GAP, other}
    assert parse_gaps("") == frozenset()


@pytest.mark.parametrize(
    "text", ["commands", "commands-3", "commands-3:5", "commands:5-6", "commands-3:6-5", "c-1:1-2x"]
)
def test_what_names_no_gap_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no gap"):
        parse_gaps(text)


@pytest.mark.parametrize(
    ("committed", "begin", "gaps"),
    [
        (10, 10, []),
        (10, 3, []),
        (10, 11, [Gap(topic="commands", partition=0, first=10, last=10)]),
        (None, 0, []),
        # Nobody can say whether what is gone was decided: a group's offsets may have expired.
        (None, 5, [Gap(topic="commands", partition=0, first=0, last=4)]),
    ],
)
def test_a_gap_is_what_lies_between_the_decided_and_the_beginning(
    committed: int | None, begin: int, gaps: list[Gap]
) -> None:
    assert find_gaps({PLACE: committed}, {PLACE: begin}) == gaps


@pytest.mark.parametrize(("decided", "first_kept", "target"), [(10, 4, 4), (10, 25, 10), (10, -1, 10), (0, -1, 0)])
def test_what_is_deleted_is_decided_and_old(decided: int, first_kept: int, target: int) -> None:
    assert trim_targets({PLACE: decided}, {PLACE: first_kept}) == {PLACE: target}


def test_nothing_is_deleted_when_the_broker_did_not_say_what_is_old() -> None:
    with pytest.raises(OffsetsUnknown):
        trim_targets({PLACE: 10}, {PLACE: -1001})


@pytest.mark.parametrize("is_accepted", [True, False])
def test_an_accepted_gap_is_recorded_and_passed_in_one_transaction_and_another_ends_the_worker(
    is_accepted: bool,
) -> None:
    gap = Gap(topic="commands", partition=1, first=7, last=9)
    told = OutputRecord(topic="rejections", key=None, value=b"gone")

    async def history() -> None:
        process = Process(gaps=[gap], told=told if is_accepted else None)
        lanes = lanes_of(process)
        await lanes.open(ASSIGNED, generation=1, after_seek=0)
        await lanes.close()
        if is_accepted:
            assert (process.log.committed, process.log.offsets) == ([[told]], [{("commands", 1): 10}])
        else:
            assert [reason for reason, _ in process.failures] == ["input_gone"]
            assert not process.log.committed

    asyncio.run(history())
