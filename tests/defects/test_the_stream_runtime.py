"""A runtime that loses or doubles is found by the oracle, once its process dies, sleeps or fails at the right point."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.oracle.violation import Kind
from kafka_log.topics_admin import apply_topics
from tests.contract import test_stream_runtime_upgrade
from tests.defects import of_the_stream_runtime
from tests.defects.case import Case, cases
from tests.integration import lane_stories, worker_stories
from tests.integration.stream_worker import PARTITIONS
from tests.unit.stream_app import test_lane, test_store

ON_KAFKA = [
    Case(
        defect=of_the_stream_runtime.what_a_former_owner_has_under_way_is_not_waited_for,
        found_by=lane_stories.an_owner_wakes_up_in_its_transaction_when_another_has_decided,
        seen_as=Kind.DOUBLED_EVENT,
    ),
    Case(
        defect=of_the_stream_runtime.state_is_applied_before_the_commit,
        found_by=lane_stories.an_owner_dies_before_its_commit,
        seen_as=Kind.LOST,
    ),
    Case(
        defect=of_the_stream_runtime.the_stores_position_is_saved_ahead_of_its_state,
        found_by=lane_stories.an_owner_dies_at_the_first_write_of_its_store,
        seen_as=Kind.DOUBLED_EVENT,
    ),
    Case(
        defect=of_the_stream_runtime.a_restore_reads_what_was_never_committed,
        found_by=lane_stories.an_owner_dies_before_its_commit_and_another_takes_over,
        seen_as=Kind.LOST,
    ),
    Case(
        defect=of_the_stream_runtime.a_restore_stops_before_the_end,
        found_by=lane_stories.another_takes_over_and_every_command_comes_again,
        seen_as=Kind.DOUBLED_EVENT,
    ),
    Case(
        defect=of_the_stream_runtime.a_batch_whose_commit_failed_counts_as_done,
        found_by=lane_stories.a_commit_fails_and_more_records_follow,
        seen_as=Kind.LOST,
    ),
]
IN_MEMORY = [
    Case(
        defect=of_the_stream_runtime.a_worker_does_not_ask_whether_it_still_owns_its_partition,
        found_by=test_lane.test_a_worker_that_lost_its_partition_fences_nobody,
    ),
    Case(
        defect=of_the_stream_runtime.a_lane_begins_where_the_broker_says_that_its_group_stands,
        found_by=test_lane.test_what_the_log_tells_is_decided_is_passed_over_when_the_offsets_are_behind_it,
        given=(True,),
    ),
]
# A worker is a process of its own, and puts the defect in itself.
IN_A_PROCESS = [
    Case(
        defect=of_the_stream_runtime.offsets_are_committed_after_the_transaction_of_their_output,
        found_by=worker_stories.a_worker_is_killed_at_its_first_commit,
        seen_as=Kind.DOUBLED_REJECTION,
    ),
    Case(
        defect=of_the_stream_runtime.a_fetch_is_taken_whatever_its_number,
        found_by=worker_stories.a_fetch_is_lost_on_its_way_to_a_lane,
        seen_as=Kind.LOST,
    ),
]
IN_THE_GROUP = Case(
    defect=of_the_stream_runtime.offsets_are_committed_in_nobodys_name,
    found_by=test_stream_runtime_upgrade.test_offsets_in_anothers_name_are_refused,
    given=("an earlier generation",),
)
ON_DISK = Case(
    defect=of_the_stream_runtime.a_store_does_not_say_how_far_it_is,
    found_by=test_store.test_an_intact_store_goes_on_where_it_was,
)
CASES = [*IN_A_PROCESS, *ON_KAFKA, *IN_MEMORY, IN_THE_GROUP, ON_DISK]


@cases(ON_KAFKA)
def test_what_is_lost_or_doubled_on_the_log_is_found(kafka_bootstrap: str, tmp_path: Path, case: Case) -> None:
    apply_topics(kafka_bootstrap, PARTITIONS)
    case.check(kafka_bootstrap, tmp_path)


@cases(IN_MEMORY)
def test_a_lane_that_takes_or_writes_what_it_may_not_is_found(case: Case) -> None:
    case.check()


@cases(IN_A_PROCESS)
def test_what_a_worker_loses_or_doubles_is_found(kafka_bootstrap: str, tmp_path: Path, case: Case) -> None:
    apply_topics(kafka_bootstrap, PARTITIONS)
    assert case.seen_as in case.found_by(kafka_bootstrap, tmp_path, case.defect)


def test_a_commit_that_the_group_cannot_refuse_is_found(kafka_bootstrap: str) -> None:
    IN_THE_GROUP.check(kafka_bootstrap)


def test_a_store_that_forgets_its_position_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    def goes_on_where_it_was() -> None:
        ON_DISK.found_by(tmp_path_factory.mktemp("store"))

    Case(defect=ON_DISK.defect, found_by=goes_on_where_it_was).check()
