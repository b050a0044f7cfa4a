"""The worker: a Faust app whose agents hand fetches to lanes, with fail-stop, watchdog and readiness around it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import faust
import structlog
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient
from faust.types import TP
from yarl import URL

from kafka_log.reader import beginnings, ends
from observability.collector import let_collector_rest
from stream_app.exactly_once import metrics
from stream_app.exactly_once.decided import places
from stream_app.exactly_once.fail_stop import Fail, fail_stop
from stream_app.exactly_once.fetches import FetchSchema, LaneConsumer, LaneTransport
from stream_app.exactly_once.gaps import Gap, find_gaps
from stream_app.exactly_once.group_member import GroupMember
from stream_app.exactly_once.group_offsets import GroupOffsets
from stream_app.exactly_once.lane import PartitionLost, Surroundings
from stream_app.exactly_once.lanes import LaneAgent, Lanes, Work
from stream_app.exactly_once.memory import give_back_freed, keep_large_blocks_apart
from stream_app.exactly_once.records import OutputRecord, TopicPartitionNumber
from stream_app.exactly_once.restore import Restored, Store, restore
from stream_app.exactly_once.retention import TRIM_EVERY_S, Retention
from stream_app.exactly_once.store import DiskStore, empty_cache, shared_cache
from stream_app.exactly_once.transactions import WorkerTransactions
from stream_app.exactly_once.watchdog import Bounds, EndOffsets, Facts, Watchdog

# A dead worker's partitions wait this long for another; a restart with the same instance id does not wait.
SESSION_TIMEOUT_S = 10.0
HEARTBEAT_S = 2.0
# A member that does not come back to a rebalance in this time loses its place; a lane closes well before.
REBALANCE_TIMEOUT_S = 40.0
# Faust's own commits do nothing here, and its other checks at this pace suspect streams without acknowledgements.
COMMIT_EVERY_S = 60.0
# Of one partition of one topic, as it is stored: some 1,200 commands or reports, which are two or three batches. A lane
# decides what it was given in its order, so with a megabyte, the default, a backlog of commands stood for half a minute
# before the reports of what had been begun, and those as long before the commands.
FETCH_BYTES_MAX = 64 * 1024
PULSE_S = 0.25
# It takes a millisecond; in that time batches and merging tables free some MiB that glibc would keep.
GIVE_BACK_EVERY_S = 1.0
ADMIN_S_MAX = 10.0
# Beyond this a stop is no longer orderly; what is not committed is decided again by the next worker.
STOP_S_MAX = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """`name` is the consumer group, `instance` this member's stable name in it, `directory` a folder of its own.

    `accept_gap` returns the record that tells of a gap in the input, or None when nobody has accepted it; `kept_s` is
    how long after it came decided input is kept, None for ever.
    """

    name: str
    bootstrap: str
    partitions: int
    instance: str
    directory: Path
    bounds: Bounds = field(default_factory=Bounds)
    accept_gap: Callable[[Gap], OutputRecord | None] = lambda _gap: None
    kept_s: float | None = None
    trim_every_s: float = TRIM_EVERY_S


class LaneApp(faust.App):
    """A Faust app with lanes; add agents with `lane_agent` before it starts."""

    lanes: Lanes

    def __init__(self, config: WorkerConfig, *, fail: Fail = fail_stop) -> None:
        super().__init__(
            config.name,
            broker=[URL(f"kafka://{server.strip()}") for server in config.bootstrap.split(",")],
            broker_client_id=config.instance,
            broker_session_timeout=SESSION_TIMEOUT_S,
            broker_heartbeat_interval=HEARTBEAT_S,
            broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
            broker_request_timeout=REBALANCE_TIMEOUT_S + 5,
            broker_commit_interval=COMMIT_EVERY_S,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=FETCH_BYTES_MAX,
            # A worker that comes back under its name finds its partitions as they were, without a rebalance.
            consumer_group_instance_id=config.instance,
            # It is part of the assignment: with another URL under the same name Faust leaves the worker without work.
            canonical_url=f"http://{config.instance}",
            datadir=config.directory,
            store="memory://",
            table_standby_replicas=0,
            topic_partitions=config.partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self._config = config
        self._fail = fail
        self._pulse_at = time.monotonic()
        self._restored_records = 0
        self._topic_ids: dict[str, str] = {}
        self._stopping = False
        self._cache = shared_cache()
        self._admin = AdminClient({"bootstrap.servers": config.bootstrap, "client.id": f"{config.instance}-admin"})
        self._transactions = WorkerTransactions(
            config.bootstrap,
            transactional_id=f"{config.name}-{config.instance}",
            client_id=config.instance,
            check=self._check_ownership,
        )
        self.lanes = Lanes(
            Surroundings(
                transactions=self._transactions,
                store=self._store,
                restore=self._restore,
                owns=self.owns,
                member=lambda generation: self._lane_consumer.thread.member(generation),
                hold=lambda topic, number: self._lane_consumer.hold(topic, number),
                release=lambda topic, number: self._lane_consumer.release(topic, number),
                fail=fail,
                find_gaps=self._find_gaps,
                accept_gap=config.accept_gap,
                topic_id=self._topic_id,
            )
        )
        self._watchdog = Watchdog(
            bounds=config.bounds,
            facts=self.facts,
            partitions=lambda: list(self.lanes.assigned),
            ends=EndOffsets(config.bootstrap, client_id=f"{config.instance}-watchdog"),
            fail=self._fail_unless_stopping,
        )
        self._retention: Retention | None = None
        if config.kept_s is not None:
            self._retention = Retention(
                config.bootstrap,
                client_id=f"{config.instance}-retention",
                kept_s=config.kept_s,
                decided_to=self._decided_to,
                every_s=config.trim_every_s,
            )

    def lane_agent(self, name: str, topics: tuple[str, ...], work: Work) -> None:
        """Add an agent: for every partition of `topics` a lane runs `work`."""
        self.lanes.add(LaneAgent(name=name, topics=topics, work=work))
        # Without acks: Faust neither tracks nor acknowledges anything of it.
        channel = self.topic(*topics, schema=FetchSchema(), acks=False)

        async def hand_over(stream: Any) -> None:
            async for event in stream.noack().events():
                try:
                    # Of every agent's partitions: what was fetched at once comes as one event.
                    for fetch in event.value:
                        self.lanes.take(fetch)
                except Exception as error:
                    self._fail("fetch_not_taken", error, agent=name)

        self.agent(channel, name=name)(hand_over)

    def owns(self, generation: int) -> bool:
        """Say whether this process may still write for partitions that it was given in `generation`."""
        was_awake = time.monotonic() - self._pulse_at < self._config.bounds.pause_s
        return was_awake and self._lane_consumer.thread.generation == generation

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Say whether every assigned partition is restored and being decided, and what is missing."""
        restoring = self.lanes.restoring()
        is_ready = self.lanes.is_assigned and not self.rebalancing and not restoring and not self._stopping
        partitions = sorted({number for _, number in self.lanes.assigned})
        return is_ready, {
            "instance": self._config.instance,
            "assigned": self.lanes.is_assigned,
            "rebalancing": bool(self.rebalancing),
            "partitions": partitions,
            "restoring": restoring,
            "progress": self._restored_records,
            "waiting": self.lanes.waiting(),
        }

    def facts(self, ends: dict[tuple[str, int], int]) -> Facts:
        """Return what the watchdog judges, and set the lag metrics from the same figures."""
        behind: dict[str, int] = {}
        decided: dict[str, object] = {}
        for (topic, number), lane in self.lanes.assigned.items():
            position = lane.next_offsets.get(topic)
            fetched_to = self._lane_consumer.thread.position(TP(topic, number)) if lane.is_idle else None
            end = ends.get((topic, number))
            if end is None:
                continue
            # A transaction marker at the end is fetched, and never decided.
            lag = max(0, end - max(position or 0, fetched_to or 0))
            metrics.LAG.labels(topic, str(number)).set(lag)
            if lane.is_restored and lane.waits_for is None:
                behind[f"{topic}-{number}"] = lag
                decided[f"{topic}-{number}"] = lane.progress(topic)
        return Facts(
            crashed=self.crash_reason or self._membership_failed(),
            pulse_at=self._pulse_at,
            is_ready=self.ready()[0],
            progress=self._restored_records,
            behind=behind,
            decided=decided,
        )

    def _membership_failed(self) -> BaseException | None:
        # Not `self.consumer`, which makes one when there is none yet, here in the watchdog's thread.
        consumer = self._consumer
        return consumer.thread.membership_failed if isinstance(consumer, LaneConsumer) else None

    @property
    def _lane_consumer(self) -> LaneConsumer:
        consumer = self.consumer
        assert isinstance(consumer, LaneConsumer)
        return consumer

    def _new_transport(self) -> LaneTransport:
        return LaneTransport(self.conf.broker_consumer, self)

    def _store(self, agent: str, number: int) -> DiskStore:
        return DiskStore(self._config.directory / "state" / f"{agent}-{number}", cache=self._cache)

    def _restore(self, topic: str, number: int, form: int, store: Store, cancelled: threading.Event) -> Restored:
        def progress(records: int) -> None:
            self._restored_records += records

        inputs = [asked for asked, partition in self.lanes.assigned if partition == number]
        # Of the topics as they are now: what was decided of one that was made anew under its name says nothing.
        self._ask_topic_ids([topic, *inputs])
        restored = restore(
            self._config.bootstrap,
            topic,
            number,
            store,
            admin=self._admin,
            log_id=f"{self._topic_ids[topic]}-{number}-{form}",
            cancelled=cancelled,
            progress=progress,
        )
        if restored.records:
            # Wherever the end of the topic finds them, they are between empty and 4 MiB, in all stores alike.
            store.flush()
            empty_cache(self._cache)
            give_back_freed()
        return replace(restored, decided=self._decided_in(store, inputs, number))

    def _topic_id(self, topic: str) -> str:
        if topic not in self._topic_ids:
            self._ask_topic_ids([topic])
        return self._topic_ids[topic]

    def _ask_topic_ids(self, topics: list[str]) -> None:
        described = self._admin.describe_topics(TopicCollection(topics), request_timeout=ADMIN_S_MAX)
        self._topic_ids.update({name: str(each.result().topic_id) for name, each in described.items()})

    def _decided_in(self, store: Store, inputs: Sequence[str], number: int) -> dict[str, int]:
        """Return by topic how far a partition's inputs are decided by what its state tells."""
        by_id = places(store.decided)
        decided = {topic: by_id[self._topic_ids[topic]] for topic in inputs if self._topic_ids[topic] in by_id}
        written = ends(self._admin, [(topic, number) for topic in decided], "read_uncommitted", ADMIN_S_MAX)
        # Beyond its end: that was lost (a lone broker lost power), and new records have those offsets again.
        for topic in [topic for topic, decided_to in decided.items() if decided_to > written[topic, number]]:
            log.error("input_cut_off", topic=topic, partition=number, decided_to=decided.pop(topic))
        return decided

    def _decided_to(self) -> dict[TopicPartitionNumber, int]:
        # Where a lane has not been given anything yet, what was committed when its partition was sought.
        sought = self._lane_consumer.thread.sought
        decided_to = {}
        for (topic, number), lane in self.lanes.assigned.items():
            offset = lane.next_offsets.get(topic, sought.get(TP(topic, number)))
            if offset is not None:
                decided_to[topic, number] = offset
        return decided_to

    def _find_gaps(self, partitions: Collection[TopicPartitionNumber]) -> list[Gap]:
        # Clients of their own: one that outlives a broker's restart may go on asking the coordinator of before.
        client_id = f"{self._config.instance}-gaps"
        admin = AdminClient({"bootstrap.servers": self._config.bootstrap, "client.id": client_id})
        offsets = GroupOffsets(self._config.bootstrap, self._config.name, client_id=client_id)
        try:
            # In this order: what is committed only grows, and the log's beginning follows it.
            begins = beginnings(admin, partitions, ADMIN_S_MAX)
            return find_gaps(offsets.of(partitions), begins)
        finally:
            offsets.close()

    def _check_ownership(self, member: GroupMember) -> None:
        if not self.owns(member.generation):
            raise PartitionLost(f"generation {member.generation}")

    async def on_first_start(self) -> None:
        # Faust makes the last folder of the path only.
        self._config.directory.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        self._watchdog.start()
        if self._retention is not None:
            self._retention.start()
        self.add_future(self._pulse())
        self.add_future(self._give_back())
        await super().on_start()

    async def on_stop(self) -> None:
        """Finish and commit the batches in hand, and leave."""
        self._stopping = True
        deadline = threading.Timer(STOP_S_MAX, partial(self._fail, "stop_took_too_long"))
        deadline.daemon = True
        deadline.start()
        await self.lanes.close()
        await super().on_stop()

    def stopped_cleanly(self) -> None:
        """Let go of the threads."""
        self._transactions.close()
        self._watchdog.stop()
        if self._retention is not None:
            self._retention.stop()

    def _crash(self, reason: BaseException) -> None:
        """Every crash of a Faust service ends here: none is survived, because Faust commits on its way out."""
        super()._crash(reason)
        if not isinstance(reason, asyncio.CancelledError):
            self._fail_unless_stopping("faust_crashed", reason)

    def _fail_unless_stopping(self, reason: str, error: BaseException | None = None, **fields: object) -> None:
        if not self._stopping:
            self._fail(reason, error, **fields)

    async def _pulse(self) -> None:
        """Prove that the loop runs; having slept longer than the bound, stop before anything else is written."""
        while not self.should_stop:
            await asyncio.sleep(PULSE_S)
            now = time.monotonic()
            slept_s = now - self._pulse_at
            if slept_s > self._config.bounds.pause_s:
                self._fail("paused", slept_s=round(slept_s, 1))
            self._pulse_at = now

    async def _give_back(self) -> None:
        while not self.should_stop:
            await asyncio.sleep(GIVE_BACK_EVERY_S)
            await asyncio.to_thread(give_back_freed)


class LaneWorker(faust.Worker):
    """Faust's worker (signals, start, stop) without its own logging and without its second of farewell."""

    def __init__(self, app: LaneApp) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False)

    async def _sentinel_task(self) -> None:
        await asyncio.sleep(0)


def run_worker(app: LaneApp) -> None:
    """Run the app until SIGTERM or SIGINT, then return; any failure ends the process with fail-stop."""
    let_collector_rest()
    keep_large_blocks_apart()
    worker = LaneWorker(app)
    try:
        worker.execute_from_commandline()
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            fail_stop("faust_exited", leaving)
    except Exception as error:
        fail_stop("faust_raised", error)
    app.stopped_cleanly()
