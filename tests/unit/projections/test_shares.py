"""How a rebuild shares out the log: every partition to one process, evenly, and what could deadlock to the same one."""

from __future__ import annotations

import pytest

from projections.loaders import LOADERS_MAX, shares
from projections.log_source import Extent
from schemas.topics import DIRECTORY_EVENTS, PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES


def extents(topic: str, *sizes: int) -> dict[tuple[str, int], Extent]:
    return {(topic, number): Extent(topic_id="id", begin=7, end=7 + size) for number, size in enumerate(sizes)}


@pytest.mark.parametrize("processes", [1, 2, 3, 64])
def test_every_partition_that_holds_something_is_one_process_s(processes: int) -> None:
    found = (
        extents(PAYMENT_EVENTS.name, 50, 60, 0, 40, 55)
        | extents(PAYMENT_REJECTIONS.name, 3, 0, 4)
        | extents(DIRECTORY_EVENTS.name, 20, 10)
        | extents(WEBHOOK_DELIVERIES.name, 30, 70)
    )
    shared = shares(found, processes)
    places = [place for share in shared for place in share]
    assert sorted(places) == sorted(place for place, extent in found.items() if extent.end > extent.begin)
    assert all(share[place] == found[place] for share in shared for place in share)
    assert len(shared) == min(processes, LOADERS_MAX)
    split = {PAYMENT_EVENTS.name, WEBHOOK_DELIVERIES.name}
    others = [{place for place in share if place[0] not in split} for share in shared]
    assert len([of_one for of_one in others if of_one]) == 1


def test_two_processes_have_about_as_much_to_do() -> None:
    found = extents(PAYMENT_EVENTS.name, *[100] * 8) | extents(DIRECTORY_EVENTS.name, *[25] * 8)
    sizes = [sum(extent.end - extent.begin for extent in share.values()) for share in shares(found, 2)]
    assert sizes == [500, 500]


def test_an_empty_log_is_nobodys() -> None:
    assert shares(extents(PAYMENT_EVENTS.name, 0, 0), 2) == []
