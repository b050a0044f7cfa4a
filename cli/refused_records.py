"""Refused records: reading them from payment-rejections, knowing which were sent again, and sending them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from kafka_log.producer import LogProducer, OutRecord
from kafka_log.reader import Isolation, LogReader, Place, beginnings, place_of
from kafka_log.span import read_span
from payments import redrive
from payments.rejection import Rejection
from schemas import codec, topics
from schemas.partitioning import partition_of

CLIENT = "directpay-redrive"
# As many as Kafka acknowledges at once in some milliseconds: an interrupted run leaves so many in doubt at most.
RECORDS_A_SEND_MAX = 500
SEND_S_MAX = 30.0
ANSWER_S_MAX = 10.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which refusals are meant; None and empty mean any. Times are microseconds since the epoch, `to_us` excluded."""

    reasons: frozenset[str] = frozenset()
    tenant: str | None = None
    places: frozenset[str] = frozenset()
    from_us: int | None = None
    to_us: int | None = None

    def has(self, rejection: Rejection) -> bool:
        return (
            (not self.reasons or rejection.reason in self.reasons)
            and (self.tenant is None or redrive.tenant_of(rejection) == self.tenant)
            and (not self.places or redrive.place_of(rejection) in self.places)
            and (self.from_us is None or rejection.rejected_at_us >= self.from_us)
            and (self.to_us is None or rejection.rejected_at_us < self.to_us)
        )


class TopicsMissing(Exception):
    """Kafka does not have these topics: it is another one, or was never set up."""


class RefusedRecords:
    """The refused records of one Kafka. Raises TopicsMissing, KafkaException or LogGap when it cannot be read."""

    def __init__(self, bootstrap: str, *, progress: Progress) -> None:
        self._bootstrap = bootstrap
        self._progress = progress

    def selected(self, selection: Selection) -> list[Rejection]:
        """Return the refusals that are meant, oldest first, and each once, however often it was told."""
        found: dict[str, Rejection] = {}
        name = topics.PAYMENT_REJECTIONS.name
        starts = {(name, number): 0 for number in range(self._partition_counts([name])[name])}
        for message in self._read_all(starts, what="rejections"):
            rejection = codec.decode(message.value())
            if isinstance(rejection, Rejection) and selection.has(rejection):
                found.setdefault(redrive.place_of(rejection), rejection)
        return sorted(found.values(), key=lambda each: (each.rejected_at_us, each.topic, each.partition, each.offset))

    def sent_again(self, rejections: Sequence[Rejection]) -> dict[str, str]:
        """Return what was sent again already: by the new record's place, that of the refused one.

        As far as the log still has the new records; they are on the partitions of their keys, behind the refusals.
        """
        since_us: dict[Place, int] = {}
        partitions = self._partition_counts({each.topic for each in rejections})
        for each in rejections:
            if each.key is not None:
                place = (each.topic, partition_of(each.key, partitions[each.topic]))
                since_us[place] = min(each.rejected_at_us, since_us.get(place, each.rejected_at_us))
        starts = self._offsets_at(since_us)
        # Uncommitted too: a forwarded record's open transaction must not hide one of ours behind it.
        sent = self._read_all(starts, what="records since then", isolation="read_uncommitted")
        found = {}
        for message in sent:
            mark = dict(message.headers() or ()).get(redrive.REDRIVEN_FROM)
            if isinstance(mark, bytes):
                topic, number = place_of(message)
                found[f"{topic}/{number}/{message.offset()}"] = mark.decode(errors="replace")
        return found

    def send(self, rejections: Sequence[Rejection]) -> None:
        """Send the records again, as they were, and say after each part how many Kafka has acknowledged.

        Raises LogUnavailable, with which those of the last part may or may not be sent.
        """
        producer = LogProducer(self._bootstrap, client_id=CLIENT, delivery_timeout_s=SEND_S_MAX)
        try:
            for first in range(0, len(rejections), RECORDS_A_SEND_MAX):
                part = rejections[first : first + RECORDS_A_SEND_MAX]
                producer.send_all_blocking([_again(each) for each in part])
                self._progress("records sent again", first + len(part), len(rejections))
        finally:
            producer.close()

    def _offsets_at(self, since_us: Mapping[Place, int]) -> dict[Place, int]:
        """Return the first offset of each partition that is as new as that, or -1 where nothing is."""
        if not since_us:
            return {}
        admin = AdminClient(client_settings(self._bootstrap, f"{CLIENT}-times"), logger=LIBRDKAFKA_LOG)
        begins = beginnings(admin, since_us, ANSWER_S_MAX)
        asked = {
            TopicPartition(topic, number): OffsetSpec.for_timestamp(at_us // 1000)
            for (topic, number), at_us in since_us.items()
        }
        answers = admin.list_offsets(asked, request_timeout=ANSWER_S_MAX)
        found = {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}
        # librdkafka's answer for "nobody knows" is below -1: then all that is there is read.
        return {place: offset if offset >= -1 else begins[place] for place, offset in found.items()}

    def _partition_counts(self, names: Collection[str]) -> dict[str, int]:
        reader = LogReader(self._bootstrap, client_id=CLIENT)
        try:
            counts = {name: len(reader.partitions(name)) for name in names}
        finally:
            reader.close()
        if missing := sorted(name for name, count in counts.items() if not count):
            raise TopicsMissing(", ".join(missing))
        return counts

    def _read_all(
        self, starts: Mapping[Place, int], *, what: str, isolation: Isolation = "read_committed"
    ) -> Iterator[Message]:
        """Yield the records of these partitions from these offsets to their present ends; -1 is the end."""
        reader = LogReader(self._bootstrap, client_id=CLIENT, isolation=isolation)
        try:
            ends = {
                (topic, number): end
                for topic in {topic for topic, _ in starts}
                for number, end in reader.end_offsets(topic).items()
                if 0 <= starts.get((topic, number), -1) < end
            }
            first = {place: starts[place] for place in ends}
            yield from read_span(reader, first, ends, progress=partial(self._progress, what))
        finally:
            reader.close()


def _again(rejection: Rejection) -> OutRecord:
    assert rejection.key is not None, "what has an obstacle is not sent"
    mark = (redrive.REDRIVEN_FROM, redrive.place_of(rejection).encode())
    return OutRecord(topic=rejection.topic, key=rejection.key, value=rejection.raw, headers=(mark,))
