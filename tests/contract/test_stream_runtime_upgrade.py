"""The upgrade guard: what the stream runtime builds on in Faust, aiokafka and librdkafka is still as it was read.

Each failure says what to look at. A new version is taken on by reading those places, then changing VERSIONS here.
"""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

import aiokafka
import confluent_kafka
import faust
import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.structs import TopicPartition
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from faust.transport import consumer as faust_consumer
from faust.transport.drivers import aiokafka as driver

from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.transactions import WorkerTransactions

VERSIONS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
LIBRDKAFKA = "2.16.0"

WHERE_TO_LOOK = {
    "faust-streaming": "the list at the head of stream_app/exactly_once/fetches.py, and worker.py's overrides",
    "mode-streaming": "Service._crash, add_future and Worker._sentinel_task (stream_app/exactly_once/worker.py)",
    "aiokafka": "GroupCoordinator, SubscriptionState and what else NumberedConsumerThread in fetches.py reads of them",
}


@pytest.mark.parametrize("package", VERSIONS)
def test_the_versions_are_those_that_were_read(package: str) -> None:
    found = version(package)
    assert found == VERSIONS[package], f"{package} is {found} now: read {WHERE_TO_LOOK[package]}, then change VERSIONS"


def test_librdkafka_is_the_version_that_was_read() -> None:
    found = confluent_kafka.libversion()[0]
    assert found == LIBRDKAFKA, (
        f"librdkafka is {found} now: read rd_kafka_consumer_group_metadata_write (rdkafka_cgrp.c), "
        "then change LIBRDKAFKA"
    )


@pytest.mark.parametrize("instance", [None, "stream-0"])
def test_the_groups_metadata_has_librdkafkas_layout(instance: str | None) -> None:
    settings = {"bootstrap.servers": "127.0.0.1:1", "group.id": "gr\u00fcn", "log_level": "0"}
    if instance is not None:
        settings["group.instance.id"] = instance
    written = Consumer(settings, logger=_Silent()).consumer_group_metadata()
    ours = GroupMember(group="gr\u00fcn", generation=-1, member_id="", instance=instance).metadata()
    assert ours == written, (
        "librdkafka writes a group's metadata in another layout: see rd_kafka_consumer_group_metadata_write in "
        "rdkafka_cgrp.c, and change stream_app/exactly_once/group_member.py"
    )


class _Silent:
    def log(self, *_: object) -> None:
        """That nobody listens there is not news."""


class Joined:
    """A member of a new group over a new topic, joined as aiokafka joins, and the producer of a worker."""

    def __init__(self, bootstrap: str, *, instance: str | None) -> None:
        self.topic = self.group = f"guard-{uuid.uuid4().hex[:8]}"
        self.instance = instance
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for made in admin.create_topics([NewTopic(self.topic, 1, 1)]).values():
            made.result(10)
        self.bootstrap = bootstrap
        self.consumer = aiokafka.AIOKafkaConsumer(
            self.topic,
            bootstrap_servers=bootstrap,
            group_id=self.group,
            group_instance_id=instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self.transactions = WorkerTransactions(bootstrap, transactional_id=self.group, client_id="guard")

    def member(self, **changes: Any) -> GroupMember:
        coordinator = self.consumer._coordinator
        values = {
            "group": self.group,
            "generation": coordinator.generation,
            "member_id": coordinator.member_id,
            "instance": self.instance,
        }
        return GroupMember(**{**values, **changes})

    async def commit(self, offset: int, member: GroupMember) -> None:
        await asyncio.to_thread(self.transactions.commit, [], {(self.topic, 0): offset}, member)

    async def committed(self) -> int | None:
        offset: int | None = await self.consumer.committed(TopicPartition(self.topic, 0))
        return offset


def run_joined(bootstrap: str, instance: str | None, history: Callable[[Joined], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        joined = Joined(bootstrap, instance=instance)
        await joined.consumer.start()
        try:
            async with asyncio.timeout(60):
                while not joined.consumer.assignment():  # noqa: ASYNC110 - aiokafka offers nothing to wait for.
                    await asyncio.sleep(0.05)
                await asyncio.to_thread(joined.transactions.fence)
                await history(joined)
        finally:
            await joined.consumer.stop()

    asyncio.run(run())


@pytest.mark.parametrize("instance", [None, "stream-0"])
def test_offsets_committed_in_a_members_name_are_seen_by_it(kafka_bootstrap: str, instance: str | None) -> None:
    async def history(joined: Joined) -> None:
        await joined.commit(5, joined.member())
        # aiokafka does not ask for stable offsets: until the group's marker is written it sees the one before.
        for _ in range(100):
            if await joined.committed() == 5:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"a committed transaction's offset is not what aiokafka reads: {await joined.committed()}")

    run_joined(kafka_bootstrap, instance, history)


REFUSED: dict[str, tuple[str | None, dict[str, Any], set[int]]] = {
    "an earlier generation": (None, {"generation": 0}, {KafkaError.ILLEGAL_GENERATION}),
    "an earlier generation of an instance": ("stream-0", {"generation": 0}, {KafkaError.ILLEGAL_GENERATION}),
    "a member that is none": (None, {"member_id": "nobody"}, {KafkaError.UNKNOWN_MEMBER_ID}),
    "an instance's former process": ("stream-0", {"member_id": "before"}, {KafkaError.FENCED_INSTANCE_ID}),
}


@pytest.mark.parametrize("who", REFUSED)
def test_offsets_in_anothers_name_are_refused(kafka_bootstrap: str, who: str) -> None:
    instance, changes, codes = REFUSED[who]

    async def history(joined: Joined) -> None:
        with pytest.raises(KafkaException) as refused:
            await joined.commit(5, joined.member(**changes))
        assert refused.value.args[0].code() in codes, f"the broker refuses {who} in another way: {refused.value}"
        assert await joined.committed() is None, f"offsets of {who} were committed: nothing would fence a paused worker"

    run_joined(kafka_bootstrap, instance, history)


def test_whoever_fences_shuts_the_former_process_of_a_worker_out(kafka_bootstrap: str) -> None:
    async def history(joined: Joined) -> None:
        successor = WorkerTransactions(kafka_bootstrap, transactional_id=joined.group, client_id="successor")
        await asyncio.to_thread(successor.fence)
        with pytest.raises(KafkaException) as refused:
            await joined.commit(5, joined.member())
        assert refused.value.args[0].code() == KafkaError._FENCED, f"fenced in another way: {refused.value}"

    run_joined(kafka_bootstrap, None, history)


# What is overridden, called with these arguments, or read although its name is private.
SIGNATURES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "Consumer.commit": (faust_consumer.Consumer.commit, ("self", "topics", "start_new_transaction")),
    "Consumer.on_partitions_assigned": (
        faust_consumer.Consumer.on_partitions_assigned,
        ("self", "assigned", "generation_id"),
    ),
    "Consumer.on_partitions_revoked": (faust_consumer.Consumer.on_partitions_revoked, ("self", "revoked")),
    "Consumer._add_gap": (faust_consumer.Consumer._add_gap, ("self", "tp", "offset_from", "offset_to")),
    "Consumer.on_buffer_full": (faust_consumer.Consumer.on_buffer_full, ("self", "tp")),
    "Consumer.on_buffer_drop": (faust_consumer.Consumer.on_buffer_drop, ("self", "tp")),
    "driver.Consumer._new_consumer_thread": (driver.Consumer._new_consumer_thread, ("self",)),
    "driver.Consumer._to_message": (driver.Consumer._to_message, ("self", "tp", "record")),
    "AIOKafkaConsumerThread._create_worker_consumer": (
        driver.AIOKafkaConsumerThread._create_worker_consumer,
        ("self", "transport"),
    ),
    "AIOKafkaConsumerThread._fetch_records": (
        driver.AIOKafkaConsumerThread._fetch_records,
        ("self", "consumer", "active_partitions", "timeout", "max_records"),
    ),
    "AIOKafkaConsumerThread.on_partitions_assigned": (
        driver.AIOKafkaConsumerThread.on_partitions_assigned,
        ("self", "assigned", "generation_id"),
    ),
    "GroupCoordinator._start_heartbeat_task": (GroupCoordinator._start_heartbeat_task, ("self",)),
    "AIOKafkaConsumerThread.seek_to_committed": (driver.AIOKafkaConsumerThread.seek_to_committed, ("self",)),
    "AIOKafkaConsumerThread._ensure_consumer": (driver.AIOKafkaConsumerThread._ensure_consumer, ("self",)),
    "App._new_transport": (faust.App._new_transport, ("self",)),
    "App._crash": (faust.App._crash, ("self", "reason")),
    "Worker._sentinel_task": (faust.Worker._sentinel_task, ("self",)),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_what_is_replaced_or_called_has_the_signature_that_was_read(name: str) -> None:
    function, expected = SIGNATURES[name]
    found = tuple(inspect.signature(function).parameters)
    assert found[: len(expected)] == expected, f"{name} takes {found} now: see where fetches.py and worker.py use it"


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (GroupCoordinator, "self.generation"),
        (GroupCoordinator, "self.member_id"),
        (GroupCoordinator, "self._coordination_task"),
        (TopicPartitionState, "self._position"),
        (aiokafka.AIOKafkaConsumer, "self._coordinator"),
        (aiokafka.AIOKafkaConsumer, "self._subscription"),
        (aiokafka.AIOKafkaConsumer, "self._fetcher"),
        (Fetcher, "self._fetch_min_bytes"),
        (Fetcher, "self._fetch_max_wait_ms"),
    ],
)
def test_the_private_names_that_are_read_exist(owner: type, name: str) -> None:
    assert f"{name} = " in inspect.getsource(owner), (
        f"{owner.__name__} no longer sets {name}: see NumberedConsumerThread in stream_app/exactly_once/fetches.py"
    )
