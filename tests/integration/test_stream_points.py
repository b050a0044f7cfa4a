"""An owner of a partition dies, sleeps or fails at one exact point of its work: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.oracle.violation import Kind
from kafka_log.topics_admin import apply_topics
from tests.integration import lane_stories, worker_stories
from tests.integration.stream_worker import PARTITIONS

STORIES = [
    lane_stories.an_owner_dies_before_its_commit,
    lane_stories.an_owner_dies_before_its_commit_and_another_takes_over,
    lane_stories.an_owner_dies_between_its_commit_and_its_store,
    lane_stories.an_owner_dies_at_the_first_write_of_its_store,
    lane_stories.another_takes_over_and_every_command_comes_again,
    lane_stories.an_owner_wakes_up_in_its_transaction_when_another_has_decided,
    lane_stories.a_commit_fails_and_more_records_follow,
    worker_stories.a_worker_is_killed_at_its_first_commit,
    worker_stories.a_fetch_is_lost_on_its_way_to_a_lane,
]


@pytest.mark.parametrize("story", STORIES, ids=[story.__name__ for story in STORIES])
def test_nothing_is_lost_or_doubled_when(
    kafka_bootstrap: str, tmp_path: Path, story: Callable[[str, Path], set[Kind]]
) -> None:
    apply_topics(kafka_bootstrap, PARTITIONS)
    assert story(kafka_bootstrap, tmp_path) == set()
