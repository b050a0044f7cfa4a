"""Creating the topics of `schemas.topics`, and checking that Kafka has them as they are written there."""

from __future__ import annotations

import time

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from schemas.topics import TOPICS, Topic

log = structlog.get_logger()

RETRY_PAUSE_S = 0.3
REQUEST_TIMEOUT_S = 10.0
# With three copies two must have a record before it counts: one broker may be lost without losing it.
REPLICAS_FOR_MIN_ISR = 3
MIN_ISR = "min.insync.replicas"


class TopicsUnfit(Exception):
    """Kafka's topics are not as ours have to be, or not there in time; the message says what differs."""


def apply_topics(bootstrap: str, partitions: int, *, replication_factor: int = 1, timeout_s: float = 30) -> None:
    """Create the topics that are missing and set the settings that differ. Safe to repeat, and to run twice at once.

    Raises TopicsUnfit when a topic has another number of partitions or copies (which are never changed in place), or
    when Kafka cannot be reached for `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    admin = _admin(bootstrap)
    metadata = _metadata(admin, deadline)
    _create_missing(admin, metadata, partitions, replication_factor, deadline)
    metadata = _wait_for_topics(admin, deadline)
    if differences := _partition_differences(metadata, partitions) + _copy_differences(metadata, replication_factor):
        raise TopicsUnfit("; ".join(differences))
    _set_settings(admin, replication_factor, deadline)


def check_topics(bootstrap: str, partitions: int, *, replication_factor: int = 1, timeout_s: float = 10) -> list[str]:
    """Return what differs between Kafka's topics and ours, a sentence each; an empty list when nothing does."""
    deadline = time.monotonic() + timeout_s
    admin = _admin(bootstrap)
    metadata = _metadata(admin, deadline)
    there = [topic for topic in TOPICS if topic.name in metadata.topics]
    differences = [f"{topic.name} does not exist" for topic in TOPICS if topic not in there]
    differences += _partition_differences(metadata, partitions)
    differences += _copy_differences(metadata, replication_factor)
    for topic, settings in _settings(admin, there).items():
        differences += [
            f"{topic.name}: {name} is {settings.get(name)}, not {value}"
            for name, value in _wanted(topic, _copies(metadata, topic)).items()
            if settings.get(name) != value
        ]
    return differences


def min_insync_replicas(copies: int) -> int:
    """Return how many copies must have a record before it counts: never all of them, unless there is only one."""
    return 2 if copies >= REPLICAS_FOR_MIN_ISR else 1


def require_partitions(bootstrap: str, partitions: int, *, timeout_s: float = 30) -> None:
    """Return when every topic is there with `partitions` partitions; wait for topics, at most `timeout_s`.

    Raises TopicsUnfit otherwise: a process that computes partitions with another number would look up keys where they
    are not.
    """
    metadata = _wait_for_topics(_admin(bootstrap), time.monotonic() + timeout_s)
    if differences := _partition_differences(metadata, partitions):
        raise TopicsUnfit("; ".join(differences))


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient(client_settings(bootstrap, "directpay-topics"), logger=LIBRDKAFKA_LOG)


def _metadata(admin: AdminClient, deadline: float) -> ClusterMetadata:
    while True:
        left_s = max(deadline - time.monotonic(), 0.1)
        try:
            return admin.list_topics(timeout=min(left_s, REQUEST_TIMEOUT_S))
        except KafkaException as error:
            if time.monotonic() >= deadline:
                raise TopicsUnfit(f"Kafka cannot be reached: {error.args[0].str()}") from None
            time.sleep(RETRY_PAUSE_S)


def _wait_for_topics(admin: AdminClient, deadline: float) -> ClusterMetadata:
    while True:
        metadata = _metadata(admin, deadline)
        missing = [
            topic.name
            for topic in TOPICS
            if topic.name not in metadata.topics or not metadata.topics[topic.name].partitions
        ]
        if not missing:
            return metadata
        if time.monotonic() >= deadline:
            raise TopicsUnfit(f"these topics do not exist: {', '.join(missing)}; create them: directpay topics apply")
        time.sleep(RETRY_PAUSE_S)


def _create_missing(
    admin: AdminClient, metadata: ClusterMetadata, partitions: int, replication_factor: int, deadline: float
) -> None:
    missing = [topic for topic in TOPICS if topic.name not in metadata.topics]
    if not missing:
        return
    wanted = [
        NewTopic(
            topic.name,
            topic.partitions_of(partitions),
            replication_factor,
            config=_wanted(topic, replication_factor),
        )
        for topic in missing
    ]
    for name, created in admin.create_topics(wanted, operation_timeout=max(deadline - time.monotonic(), 1)).items():
        try:
            created.result()
            log.info("topic_created", topic=name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsUnfit(f"{name} cannot be created: {error.args[0].str()}") from None


def _partition_differences(metadata: ClusterMetadata, partitions: int) -> list[str]:
    return [
        f"{topic.name} has {len(metadata.topics[topic.name].partitions)} partitions, not {wanted}"
        for topic in TOPICS
        if (topic.co_partitioned or topic.partitions is not None)
        and topic.name in metadata.topics
        and len(metadata.topics[topic.name].partitions) != (wanted := topic.partitions_of(partitions))
    ]


def _copy_differences(metadata: ClusterMetadata, replication_factor: int) -> list[str]:
    return [
        f"{topic.name} has a replication factor of {copies}, not {replication_factor}"
        for topic in TOPICS
        if topic.name in metadata.topics and (copies := _copies(metadata, topic)) != replication_factor
    ]


def _copies(metadata: ClusterMetadata, topic: Topic) -> int:
    """Return the copies that the partition with the fewest has."""
    return min((len(each.replicas) for each in metadata.topics[topic.name].partitions.values()), default=0)


def _wanted(topic: Topic, copies: int) -> dict[str, str]:
    # Always written down: the broker's own default may be more than this topic has copies, and stop every write.
    return {**topic.settings, MIN_ISR: str(min_insync_replicas(copies))}


def _settings(admin: AdminClient, topics: list[Topic]) -> dict[Topic, dict[str, str]]:
    if not topics:
        return {}
    resources = {topic.name: ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics}
    answers = admin.describe_configs(list(resources.values()), request_timeout=REQUEST_TIMEOUT_S)
    found = {resource.name: answer.result() for resource, answer in answers.items()}
    return {topic: {name: entry.value for name, entry in found[topic.name].items()} for topic in topics}


def _set_settings(admin: AdminClient, replication_factor: int, deadline: float) -> None:
    alterations = []
    for topic, settings in _settings(admin, list(TOPICS)).items():
        differing = {
            name: value for name, value in _wanted(topic, replication_factor).items() if settings.get(name) != value
        }
        if differing:
            log.info("topic_altered", topic=topic.name, settings=differing)
            entries = [
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in differing.items()
            ]
            alterations.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
    if alterations:
        left_s = max(deadline - time.monotonic(), 1)
        for answer in admin.incremental_alter_configs(alterations, request_timeout=left_s).values():
            answer.result()
