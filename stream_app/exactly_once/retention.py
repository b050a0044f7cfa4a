"""Retention: input lives until it is decided, and some days longer; Kafka's own retention knows only the age.

A record is deleted (DeleteRecords) when its offset is below the group's committed one and the broker appended it
longer ago than it is kept. Deleting twice, or by two workers at once, deletes nothing more, so nobody has to be asked:
each worker trims the partitions that it was assigned.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping

import structlog
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from stream_app.exactly_once import metrics
from stream_app.exactly_once.records import TopicPartitionNumber

# Days are kept, so an hour more or less is nothing; and a partition is one small request.
TRIM_EVERY_S = 3600.0
# After a start or an outage: soon, or a worker that is restarted every half an hour would never trim.
TRIM_SOON_S = 60.0
ANSWER_S_MAX = 5.0
NONE_SO_NEW = -1  # What the broker answers when every record is older than the time that it was asked for.

log = structlog.get_logger()


class OffsetsUnknown(Exception):
    """The broker did not say which records are old."""


class Retention:
    """Trims partitions from a thread of its own; what goes wrong is logged and tried again.

    `decided_to` returns an offset of each partition that the group has committed; from an old one less is deleted.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        kept_s: float,
        decided_to: Callable[[], Mapping[TopicPartitionNumber, int]],
        every_s: float = TRIM_EVERY_S,
    ) -> None:
        self._admin = AdminClient(client_settings(bootstrap, client_id), logger=LIBRDKAFKA_LOG)
        self._kept_s = kept_s
        self._decided_to = decided_to
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a question that Kafka does not answer is not waited for."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_S_MAX)

    def _run(self) -> None:
        soon_s = min(TRIM_SOON_S, self._every_s)
        pause_s = soon_s
        while not self._stopping.wait(pause_s):
            # Asked before Kafka is: a record that comes meanwhile is not below these offsets, whatever its time.
            decided_to = self._decided_to()
            pause_s = self._every_s if decided_to else soon_s
            try:
                self._trim(decided_to)
            except Exception as error:
                # Records that are kept too long harm nobody: the worker decides on, and this is tried again.
                log.warning("input_not_trimmed", error=str(error))
                pause_s = soon_s

    def _trim(self, decided_to: Mapping[TopicPartitionNumber, int]) -> None:
        if not decided_to:
            return
        # Asks for the leaders anew: `list_offsets` goes on using those of before a broker's restart, which it refuses.
        self._admin.list_topics(timeout=ANSWER_S_MAX)
        targets = trim_targets(decided_to, self._first_kept(decided_to))
        requests = [TopicPartition(topic, number, offset) for (topic, number), offset in targets.items()]
        for place, deleting in self._admin.delete_records(requests, request_timeout=ANSWER_S_MAX).items():
            begins_at = deleting.result().low_watermark
            metrics.DELETED_TO.labels(place.topic, str(place.partition)).set(begins_at)
            log.debug("input_trimmed", topic=place.topic, partition=place.partition, begins_at=begins_at)

    def _first_kept(self, partitions: Collection[TopicPartitionNumber]) -> dict[TopicPartitionNumber, int]:
        """Return the first offset of each partition that is not old enough, or NONE_SO_NEW."""
        cut = OffsetSpec.for_timestamp(int((time.time() - self._kept_s) * 1000))
        asked = {TopicPartition(topic, number): cut for topic, number in partitions}
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_S_MAX)
        return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}


def trim_targets(
    decided_to: Mapping[TopicPartitionNumber, int], first_kept: Mapping[TopicPartitionNumber, int]
) -> dict[TopicPartitionNumber, int]:
    """Return before which offset each partition may be deleted: what is decided and old, never anything else."""
    targets = {}
    for place, decided in decided_to.items():
        kept = first_kept[place]
        if kept < NONE_SO_NEW:
            # When nobody answers in time, librdkafka says -1001 and calls that a success.
            raise OffsetsUnknown(f"{place[0]}-{place[1]}")
        targets[place] = decided if kept == NONE_SO_NEW else min(decided, kept)
    return targets
