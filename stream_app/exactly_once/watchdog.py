"""The watchdog: a worker that is alive but useless ends, and its supervisor starts another.

Seen with aiokafka after a broker restart: the process lived, heartbeats went on, and nothing was fetched any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kafka_log.reader import ends
from stream_app.exactly_once.fail_stop import Fail

LOOK_EVERY_S = 1.0
ENDS_EVERY_S = 5.0
ENDS_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long each state may last, in seconds."""

    ready_s: float = 60.0  # Restores of large states take longer: they count as progress.
    stuck_s: float = 30.0  # Longer than a broker's restart, shorter than a person's patience.
    pause_s: float = 7.0  # Below the session timeout: whoever slept longer may have lost its partitions.


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the watchdog sees of the worker at one moment; times are of the monotonic clock."""

    crashed: BaseException | None
    pulse_at: float
    is_ready: bool
    progress: object  # Anything that changes while the worker restores or decides.
    behind: dict[str, int] = field(default_factory=dict)  # Lag of each input that is not knowingly waiting.
    decided: dict[str, object] = field(default_factory=dict)  # By input, anything that changes while it is worked off.


class Watch:
    """Judges a series of facts. Pure but for what it remembers, so that a test can feed it a history."""

    def __init__(self, bounds: Bounds, now: float) -> None:
        self._bounds = bounds
        self._unready_since: float | None = now
        self._progress: object = None
        self._decided: dict[str, tuple[object, float]] = {}

    def judge(self, facts: Facts, now: float) -> str | None:
        """Return why the process must end, or None."""
        if facts.crashed is not None:
            return "crashed"
        if now - facts.pulse_at > self._bounds.pause_s:
            return "paused"
        if facts.is_ready:
            self._unready_since = None
        elif self._unready_since is None or facts.progress != self._progress:
            self._unready_since = now
        self._progress = facts.progress
        if self._unready_since is not None and now - self._unready_since > self._bounds.ready_s:
            return "not_ready"
        return self._stuck(facts, now)

    def _stuck(self, facts: Facts, now: float) -> str | None:
        remembered = self._decided
        self._decided = {}
        for name, lag in facts.behind.items():
            if lag <= 0:
                continue
            decided = facts.decided.get(name)
            before = remembered.get(name)
            since = now if before is None or before[0] != decided else before[1]
            self._decided[name] = (decided, since)
            if now - since > self._bounds.stuck_s:
                return f"stuck: {name} is {lag} behind and has decided nothing for {self._bounds.stuck_s:.0f} s"
        return None


class EndOffsets:
    """The last stable offsets as the broker tells them to a client of its own, not to the consumer under suspicion."""

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "client.id": client_id})

    def of(self, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Return where the partitions end; nothing when Kafka does not say so within ENDS_TIMEOUT_S."""
        try:
            return ends(self._admin, partitions, "read_committed", ENDS_TIMEOUT_S)
        except KafkaException:
            return {}


class Watchdog:
    """Judges the worker every second from a thread of its own, so that a hung event loop is seen too."""

    def __init__(
        self,
        *,
        bounds: Bounds,
        facts: Callable[[dict[tuple[str, int], int]], Facts],
        partitions: Callable[[], list[tuple[str, int]]],
        ends: EndOffsets,
        fail: Fail,
    ) -> None:
        self._watch = Watch(bounds, time.monotonic())
        self._facts = facts
        self._partitions = partitions
        self._ends = ends
        self._fail = fail
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        log_ends: dict[tuple[str, int], int] = {}
        asked_at = float("-inf")
        while not self._stopping.wait(LOOK_EVERY_S):
            if time.monotonic() - asked_at > ENDS_EVERY_S:
                log_ends = self._ends.of(self._partitions())
                asked_at = time.monotonic()
            try:
                facts = self._facts(log_ends)
                verdict = self._watch.judge(facts, time.monotonic())
            except Exception as error:
                self._fail("watchdog_failed", error)
                return
            if verdict is not None and not self._stopping.is_set():
                self._fail("watchdog", facts.crashed, verdict=verdict)
                return
