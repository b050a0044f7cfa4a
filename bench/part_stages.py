"""Parts of DirectPay, each as far as its own border: intake to the log, the gateway between log and bank, reading.

What is stopped or idle meanwhile is in the figures by kind, so that it is seen to take nothing. When a part has been
measured everything runs again, and the oracle looks at every payment: a run in which anything is wrong does not count.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from bench.end_to_end_stage import (
    ASYNC,
    OFFERED_SHARE,
    WARM_UP_BATCHES,
    WARM_UP_REQUESTS,
    Measure,
    Say,
    enough,
    require_right,
    running,
)
from bench.judge import RunDoesNotCount
from bench.own_system import MakeOurs
from bench.phase import STANDSTILL_S_MAX, Bench, Phase, Watch
from bench.system import Post
from chaos.evidence import Views
from kafka_log.connection import LIBRDKAFKA_LOG, client_settings
from schemas.topics import RAIL_REPORTS

LOOK_S = 0.05
ADMIN_S_MAX = 10.0
REPORTS = 2  # Of each payment: its claim and its settlement.
PAGE = "limit=50"
# Enough to keep the API busy. A reader is answered 503 after 2 s, which with hundreds before it a page would take.
READERS = 32
FILL_S_MAX = 3600.0  # Filling ends when all is in; this only bounds it.
# What makes a payment of a command; without the first nothing reaches the others.
BEHIND_THE_LOG = ("stream", "rails", "projector")


def ingest_stage(make: MakeOurs, folder: Path, measure: Measure, say: Say) -> dict[str, Any]:
    """Return the figures of intake alone: until the command is acknowledged by Kafka and the caller answered 202."""
    seconds = measure.seconds
    system = make(folder / "directpay")
    with running(system, say):
        for kind in BEHIND_THE_LOG:
            system.stack.stop_component(kind)
        bench = Bench(system, folder, to_the_end=False)
        singles = partial(bench.singles, connections=measure.connections, headers=ASYNC)
        batches = partial(bench.batches, size=measure.batch, connections=measure.batch_connections, headers=ASYNC)
        first = singles(WARM_UP_REQUESTS, seconds=measure.warm_up_s)
        second = batches(WARM_UP_BATCHES, seconds=measure.warm_up_s)
        single = singles(enough(first, seconds, measure.connections), seconds=seconds)
        rate = offered(measure, single)
        phases = {
            "single": single,
            "single_at_rate": singles(round(rate * seconds), seconds=seconds, rate=rate),
            "batch": batches(enough(second, seconds, measure.batch_connections), seconds=seconds),
        }
        for kind in reversed(BEHIND_THE_LOG):
            system.stack.start_component(kind)
        require_right(system, bench.accepted, say)
    return told("ingest", phases, say)


def gateway_stage(make: MakeOurs, folder: Path, payments: int, measure: Measure, say: Say) -> dict[str, Any]:
    """Return the figures of the gateway with the simulated bank: `payments` are pending before it starts.

    Timed from when it is ready to the last report that Kafka has acknowledged, over what is not reported by then. The
    stream app decides in between, as it does in production; its CPU time is told apart.
    """
    system = make(folder / "directpay")
    with running(system, say):
        bench = Bench(system, folder, to_the_end=False)
        batches = partial(bench.batches, size=measure.batch, connections=2)
        batches(WARM_UP_BATCHES, seconds=measure.warm_up_s)
        _wait("come to their end", system.finished, bench.accepted)
        system.stack.stop_component("rails")
        waiting = batches(max(1, payments // measure.batch), seconds=FILL_S_MAX).payments
        views = Views(system.stack.stack["analyst"])
        _wait("are pending", lambda: views.open_payments(frozenset())[1], waiting)
        reports = _Reports(system.stack.stack["kafka"], system.partitions)
        wanted = reports.count() + REPORTS * waiting
        system.stack.start_component("rails")
        with Watch(system) as watch:
            began_s, left = time.monotonic(), (wanted - reports.count()) / REPORTS
            ended_s = _wait("reports came", reports.count, wanted)
            watch.end()
        reports.close()
        require_right(system, bench.accepted, say)
    if left < waiting / 2:
        raise RunDoesNotCount(f"{left:.0f} of {waiting} payments were left when the gateway was ready: take more")
    per_s = left / (ended_s - began_s)
    cpu_us = {kind: round(cpu_s / left * 1e6, 1) for kind, cpu_s in watch.cpu_s.items()}
    say(f"gateway: {per_s:.0f} payments/s, {cpu_us} us of CPU a payment")
    return {
        "payments": round(left),
        "payments_per_s": round(per_s, 1),
        "seconds": round(ended_s - began_s, 2),
        "rail_speed": system.rail_speed,
        "cpu_us_by_kind": cpu_us,
        "resident_mib_by_kind": watch.resident_mib,
    }


def read_stage(make: MakeOurs, folder: Path, payments: int, measure: Measure, say: Say) -> dict[str, Any]:
    """Return the figures of GET, by id and a page of the list, in a database with `payments` of one tenant."""
    chance = random.Random("read")
    system = make(folder / "directpay")
    with running(system, say):
        bench = Bench(system, folder)
        bench.batches(max(1, payments // measure.batch), size=measure.batch, connections=4, seconds=FILL_S_MAX)
        paid = system.told

        def by_id() -> Post:
            return system.looked_up(chance.choice(paid))

        def page() -> Post:
            return system.listed(PAGE)

        phases = {**_asked("by_id", by_id, bench, measure), **_asked("page", page, bench, measure)}
        require_right(system, bench.accepted, say)
    return {"payments": len(paid), **told("read", phases, say)}


def _asked(name: str, post: Callable[[], Post], bench: Bench, measure: Measure) -> dict[str, Phase]:
    """Return the phases of one question: at saturation, and at a rate."""
    ask, seconds = partial(bench.questions, connections=READERS), measure.seconds
    warm = ask([post() for _ in range(WARM_UP_REQUESTS)], seconds=measure.warm_up_s)
    posts = [post() for _ in range(enough(warm, seconds, READERS))]
    saturated = ask(posts, seconds=seconds)
    rate = offered(measure, saturated)
    return {name: saturated, f"{name}_at_rate": ask(posts[: round(rate * seconds)], seconds=seconds, rate=rate)}


def offered(measure: Measure, saturated: Phase) -> float:
    """Return the rate to measure latency at."""
    return round(min(measure.rate, OFFERED_SHARE * saturated.accepted_requests_per_s), 1)


def told(stage: str, phases: dict[str, Phase], say: Say) -> dict[str, Any]:
    for name, phase in phases.items():
        say(
            f"{stage}, {name}: {phase.payments_per_s}/s, {phase.cpu_us_by_kind} us of CPU, "
            f"p50 {phase.latency_ms['p50']} ms, p99 {phase.latency_ms['p99']} ms, answers {phase.answers}"
        )
    return {name: asdict(phase) for name, phase in phases.items()}


class _Reports:
    """Counts the records of rail-reports, which are acknowledged when they are counted."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._places = [TopicPartition(RAIL_REPORTS.name, number) for number in range(partitions)]
        self._consumer = Consumer(
            {**client_settings(bootstrap, "bench-reports"), "group.id": "bench-reports", "enable.auto.commit": False},
            logger=LIBRDKAFKA_LOG,
        )

    def count(self) -> int:
        return sum(self._consumer.get_watermark_offsets(place, timeout=ADMIN_S_MAX)[1] for place in self._places)

    def close(self) -> None:
        self._consumer.close()


def _wait(what: str, present: Callable[[], int], count: int) -> float:
    """Return when there are so many (monotonic); raises RunDoesNotCount when no more have come for long."""
    seen, moved_s = -1, time.monotonic()
    while (found := present()) < count:
        if found > seen:
            seen, moved_s = found, time.monotonic()
        if time.monotonic() - moved_s > STANDSTILL_S_MAX:
            raise RunDoesNotCount(f"{found} of {count} {what}")
        time.sleep(LOOK_S)
    return time.monotonic()
