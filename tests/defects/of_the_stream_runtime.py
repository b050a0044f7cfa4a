"""Defects of the stream app's runtime: what it writes, keeps, reads and takes apart from what is committed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Message

from stream_app.exactly_once import restore as restoring
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.lane import Lane
from stream_app.exactly_once.records import Batch, Fetch, OutputRecord, TopicPartitionNumber
from stream_app.exactly_once.store import DiskStore
from stream_app.exactly_once.transactions import WorkerTransactions

Offsets = Mapping[TopicPartitionNumber, int]
State = Mapping[bytes, bytes | None]
WHATEVER = 2**62  # An end behind every record.


def offsets_are_committed_after_the_transaction_of_their_output(patch: pytest.MonkeyPatch) -> None:
    sound = WorkerTransactions.commit

    def commit(
        transactions: WorkerTransactions, records: Sequence[OutputRecord], offsets: Offsets, member: GroupMember
    ) -> dict[TopicPartitionNumber, int]:
        written = sound(transactions, records, {}, member)
        sound(transactions, [], offsets, member)
        return written

    patch.setattr(WorkerTransactions, "commit", commit)
    # What the records tell of it would cover for it.
    patch.setattr(Lane, "_telling", lambda _lane, _how_far, records: records)


def a_lane_begins_where_the_broker_says_that_its_group_stands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lane, "_go_behind_decided", lambda _lane, _topic: None)


def what_a_former_owner_has_under_way_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restoring, "_wait_settled", lambda *_: 0)


def offsets_are_committed_in_nobodys_name(patch: pytest.MonkeyPatch) -> None:
    sound = GroupMember.metadata

    def of_nobody(member: GroupMember) -> bytes:
        return sound(GroupMember(group=member.group, generation=-1, member_id="", instance=None))

    patch.setattr(GroupMember, "metadata", of_nobody)


def a_worker_does_not_ask_whether_it_still_owns_its_partition(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lane, "_check_ownership", lambda _lane: None)


def state_is_applied_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    sound = Lane._commit

    def commit(
        lane: Lane, records: Sequence[OutputRecord], offsets: Offsets, member: GroupMember, state: State
    ) -> None:
        store: Any = lane._store
        for key, value in state.items():
            store._db[key] = value
        sound(lane, records, offsets, member, state)

    patch.setattr(Lane, "_commit", commit)


def the_stores_position_is_saved_ahead_of_its_state(patch: pytest.MonkeyPatch) -> None:
    def commit(
        lane: Lane, records: Sequence[OutputRecord], offsets: Offsets, member: GroupMember, state: State
    ) -> None:
        end = lane._transactions.commit(records, offsets, member)[lane._state_topic, lane.partition]
        assert lane._store is not None
        lane._store.write({}, next_offset=end)
        lane._store.write(state, next_offset=end)

    patch.setattr(Lane, "_commit", commit)


def a_store_does_not_say_how_far_it_is(patch: pytest.MonkeyPatch) -> None:
    sound = DiskStore.write
    patch.setattr(
        DiskStore, "write", lambda store, changes, *, next_offset, **rest: sound(store, changes, next_offset=0, **rest)
    )


def a_restore_reads_what_was_never_committed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restoring, "Consumer", lambda settings: Consumer({**settings, "isolation.level": "read_uncommitted"}))


def a_restore_stops_before_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(restoring, "MESSAGES_PER_READ", 1)
    sound = restoring._changes

    def changes(messages: Sequence[Any]) -> tuple[dict[bytes, bytes | None], Message | None, int | None]:
        found, next_offset, ends_at = sound(messages)
        return found, next_offset, WHATEVER if messages else ends_at

    patch.setattr(restoring, "_changes", changes)


def a_batch_whose_commit_failed_counts_as_done(patch: pytest.MonkeyPatch) -> None:
    sound = Lane.commit

    async def commit(lane: Lane, batch: Batch, *stages: Sequence[OutputRecord], state: State | None = None) -> None:
        with contextlib.suppress(KafkaException):  # As Faust does: an exception acknowledges.
            await sound(lane, batch, *stages, state=state)

    patch.setattr(Lane, "commit", commit)


def a_fetch_is_taken_whatever_its_number(patch: pytest.MonkeyPatch) -> None:
    def take(lane: Lane, fetch: Fetch) -> None:
        lane._next.setdefault(fetch.topic, fetch.sought)
        lane._taken_to.setdefault(fetch.topic, fetch.sought)
        lane._enqueue(fetch)

    patch.setattr(Lane, "take", take)
