"""Transactions: batches' records and the offsets of their input appear together, or not at all."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from stream_app.exactly_once import metrics
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.records import OutputRecord, TopicPartitionNumber

# A broker that restarts is back within this; a lane that waits longer ends its worker (see CLOSE_S_MAX of a lane).
COMMIT_S_MAX = 8.0
# A transaction that this worker's former process left open is ended by the broker first.
FENCE_S_MAX = 20.0
# Then the broker ends what a dead or sleeping worker left open: whoever takes over waits for that, readers too. A
# sleeper's partitions are dealt out anew after its session time-out, so no longer than that.
TRANSACTION_S_MAX = 10.0
# So long at most that is open: the broker looks for what has run out of time every 10 s, unless told otherwise.
OPEN_S_MAX = 30.0
# Whoever is on the way to a transaction has decided already, and needs a moment.
ON_THE_WAY_S_MAX = 0.05
# Lanes gather up to about so many records. librdkafka holds 100,000 that it has not told of, and tells at the commit.
TRANSACTION_RECORDS = 10_000
PARTITIONER_DECIDES = -1  # RD_KAFKA_PARTITION_UA.

Ends = dict[TopicPartitionNumber, int]


@dataclass(slots=True, kw_only=True)
class _Share:
    """What one lane has to commit, and what came of it: `ends`, or the error that ended the transaction.

    Its thread is woken when that is known, or when it is its turn to lead.
    """

    records: Sequence[OutputRecord]
    offsets: Mapping[TopicPartitionNumber, int]
    member: GroupMember
    leads: bool = False
    woken: threading.Event = field(default_factory=threading.Event)
    ends: Ends = field(default_factory=dict)
    error: BaseException | None = None


class WorkerTransactions:
    """The transactional producer of a worker. Everything blocks: each lane calls from a thread of its own.

    A transaction costs the broker the same whatever it holds, so lanes share it: those that come while one is under way
    are in the next, together, and who says that it is coming is waited for. After an exception nothing is known of the
    transaction: the caller ends the process.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        transactional_id: str,
        client_id: str,
        check: Callable[[GroupMember], None] = lambda _member: None,
    ) -> None:
        """`check` raises when this process may no longer write in that name, as far as it can tell by itself."""
        self._check = check
        self._settings = {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(TRANSACTION_S_MAX * 1000),
            "message.timeout.ms": int(COMMIT_S_MAX * 1000),
            "acks": "all",
            # Java's default partitioner: the one that tells where a key lives.
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            # Batches are handed over in one go, so that waiting for more would only delay them.
            "linger.ms": 1,
            "retry.backoff.ms": 20,
            "retry.backoff.max.ms": 200,
            # A broker that comes back is found at once; librdkafka's own bound is 10 s, longer than ours.
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            # By default a client that has lost every broker forgets them and begins anew, but goes on waiting for the
            # coordinators it has forgotten: send_offsets_to_transaction hung for minutes (librdkafka #5511, #5456).
            "metadata.recovery.strategy": "none",
        }
        self._producer: Producer | None = None
        self._fencing = threading.Lock()
        self._lock = threading.Lock()  # Of the three below, which go together: who waits is led, or leads.
        self._waiting: deque[_Share] = deque()
        self._is_led = False
        self._on_the_way = 0
        self._came = threading.Condition(self._lock)

    def fence(self) -> None:
        """Become the only one who can write under this worker's name: a former process of it is refused from now on."""
        with self._fencing:
            if self._producer is not None:
                return
            started = time.monotonic()
            producer = Producer(self._settings)
            producer.init_transactions(FENCE_S_MAX)
            self._producer = producer
            metrics.FENCE_S.observe(time.monotonic() - started)

    def coming(self) -> None:
        """Say that a lane is about to call `commit`, so that whoever begins a transaction before it does waits."""
        with self._lock:
            self._on_the_way += 1

    def commit(
        self, records: Sequence[OutputRecord], offsets: Mapping[TopicPartitionNumber, int], member: GroupMember
    ) -> Ends:
        """Write records and offsets in one transaction; return, by partition written to, the offset after its last.

        Only for records that say their partition. Raises KafkaException when fenced, when `member` is no longer of the
        group's generation, or COMMIT_S_MAX after its transaction began; so does every lane's that shared it.
        """
        share = _Share(records=records, offsets=offsets, member=member)
        with self._lock:
            self._waiting.append(share)
            self._on_the_way = max(0, self._on_the_way - 1)
            if not self._on_the_way:
                self._came.notify()
            if not self._is_led:
                self._is_led = share.leads = True
        if not share.leads:
            share.woken.wait()
        if share.leads:
            self._lead()
        if share.error is not None:
            raise share.error
        return share.ends

    def close(self) -> None:
        """Let go of connections and threads; nothing can be in flight, because every commit is waited for."""
        self._producer = None

    def _lead(self) -> None:
        """Commit what waits, of which the first is the leader's own, and let the first who came meanwhile lead next."""
        with self._lock:
            if not self._came.wait_for(lambda: not self._on_the_way, ON_THE_WAY_S_MAX):
                self._on_the_way = 0  # Who said so has failed, and with it the worker; nobody waits for it again.
            shares = [self._waiting.popleft()]
            records = len(shares[0].records)
            # A transaction is in the name of one generation.
            while self._waiting and self._waiting[0].member == shares[0].member and records < TRANSACTION_RECORDS:
                shares.append(self._waiting.popleft())
                records += len(shares[-1].records)
        try:
            # Each lane has asked before, and may have waited since: what is begun too late holds the successor up.
            self._check(shares[0].member)
            ends = self._transaction(
                [record for share in shares for record in share.records],
                {place: offset for share in shares for place, offset in share.offsets.items()},
                shares[0].member,
            )
        except BaseException as error:
            for share in shares:
                share.error = error
        else:
            for share in shares:
                share.ends = ends
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()
        for share in shares:
            share.woken.set()

    def _transaction(
        self, records: Sequence[OutputRecord], offsets: Mapping[TopicPartitionNumber, int], member: GroupMember
    ) -> Ends:
        producer = self._producer
        assert producer is not None, "fence first"
        give_up_at = time.monotonic() + COMMIT_S_MAX
        ends: Ends = {}
        lasts = {(record.topic, record.partition): place for place, record in enumerate(records)}
        lasts_at = {place for (_, partition), place in lasts.items() if partition is not None}

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            # An error fails the commit as well.
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            if error is None and topic is not None and partition is not None and offset is not None:
                ends[topic, partition] = offset + 1

        producer.begin_transaction()
        for place, record in enumerate(records):
            producer.produce(
                record.topic,
                record.value,
                record.key,
                PARTITIONER_DECIDES if record.partition is None else record.partition,
                on_delivery if place in lasts_at else None,
                headers=record.headers,  # type: ignore[arg-type]  # Only because a list's items could be replaced.
            )
        positions = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        producer.send_offsets_to_transaction(positions, member.metadata(), COMMIT_S_MAX)
        producer.commit_transaction(max(0.1, give_up_at - time.monotonic()))
        for topic, count in Counter(record.topic for record in records).items():
            metrics.WRITTEN.labels(topic).inc(count)
        assert len(ends) == len(lasts_at), "a committed transaction has delivered all of its records"
        return ends


def is_fenced(error: BaseException) -> bool:
    """Say whether the broker refused a commit because the worker's name, or its place in the group, is another's."""
    return isinstance(error, KafkaException) and error.args[0].code() in _FENCED


_FENCED = {
    KafkaError._FENCED,  # noqa: SLF001 - librdkafka's local errors are named so.
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNKNOWN_MEMBER_ID,
}
