"""The stream stage alone: one worker, its inputs there before the clock starts, three transitions a payment.

Ours and stock Faust, confirmed and not, take turns on one broker (A-B-C-C-B-A), so that what else the machine does
hits them all. Confirmed is like ours: the broker has an event before its input is acknowledged. A turn: the
worker starts, restores, decides a warm-up; then commands are released, and when every payment is initiated, claims and
settlements, so that no report comes before its payment. It ends when the worker has written three events a payment.
What is timed is what runs in production: Avro in and out, RocksDB, all partitions in one process; transactions in ours.
Afterwards the events are read and compared with what the inputs mean.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.broker import Broker
from bench.contestants import AT_LEAST_ONCE, EXACTLY_ONCE, OURS, UNCONFIRMED, Contestant
from bench.inputs import lives, preloaded
from bench.judge import STEPS, ends, judged
from bench.turns import ratio_median, ratio_worst
from bench.usage import cpu_s, resident_mib
from bench.worker_process import WorkerProcess
from schemas import topics

WARM_UP = 2_000
# Stock Faust is about ten times slower: with as many payments it alone would take most of the time.
STOCK_SHARE = 10
STOCK_WARM_UP = 200

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One contestant's turn; CPU times are for one payment with its three transitions, of worker and of Kafka."""

    contestant: str
    payments: int
    seconds: float
    payments_per_s: int
    initiate_per_s: int
    reports_per_s: int
    cpu_us: int
    broker_cpu_us: int
    resident_mib: int


def stream_stage(broker: Broker, folder: Path, payments: int, say: Say) -> dict[str, Any]:
    """Return the figures of our worker and of stock Faust, and how many times faster ours is."""
    there = (OURS, AT_LEAST_ONCE, UNCONFIRMED)
    for contestant in (*there, EXACTLY_ONCE):
        contestant.create_topics(broker.bootstrap)
    turns = []
    for contestant in (*there, *reversed(there), EXACTLY_ONCE):
        turns.append(_turn(broker, folder, contestant, payments if contestant is OURS else stock_payments(payments)))
        say(f"{contestant.name}: {turns[-1].payments_per_s} payments/s, {turns[-1].cpu_us} us of CPU a payment")
    ours, confirmed, unconfirmed, exactly_once = (
        [each for each in turns if each.contestant == who.name] for who in (*there, EXACTLY_ONCE)
    )
    return {
        "payments_per_s": _median(ours),
        "beside_stock": beside(ours, confirmed),
        "beside_stock_unconfirmed": beside(ours, unconfirmed),
        "beside_stock_exactly_once": beside(ours, exactly_once),
        "turns": [asdict(each) for each in turns],
    }


def stock_payments(payments: int) -> int:
    """Return how many payments stock Faust gets, when ours gets so many."""
    return max(1, payments // STOCK_SHARE)


def beside(ours: Sequence[Turn], theirs: Sequence[Turn]) -> dict[str, Any]:
    """Return how many times faster ours is; the worst ratio sets our slowest turn against their fastest.

    `cpu_ratio` compares the CPU time of worker and Kafka for one payment, which other work on the machine hardly moves.
    """
    mine, other = [each.payments_per_s for each in ours], [each.payments_per_s for each in theirs]
    return {
        "payments_per_s": _median(theirs),
        "ratio_median": ratio_median(mine, other),
        "ratio_worst": ratio_worst(mine, other),
        "cpu_ratio": round(_cpu_us(theirs) / _cpu_us(ours), 1),
    }


def _median(turns: Sequence[Turn]) -> int:
    return round(statistics.median(each.payments_per_s for each in turns))


def _cpu_us(turns: Sequence[Turn]) -> float:
    return statistics.median(each.cpu_us + each.broker_cpu_us for each in turns)


def _turn(broker: Broker, folder: Path, contestant: Contestant, payments: int) -> Turn:
    worker = contestant.worker(broker.bootstrap, folder).start()
    try:
        worker.wait_ready()
        decide_payments(broker, contestant, worker, WARM_UP if contestant is OURS else STOCK_WARM_UP)
        turn = decide_payments(broker, contestant, worker, payments)
        worker.stop()
        return turn
    finally:
        worker.kill()


def decide_payments(broker: Broker, contestant: Contestant, worker: WorkerProcess, payments: int) -> Turn:
    """Let `payments` new payments live, and return what that took; raises RunDoesNotCount when an event is wrong."""
    of = list(lives(uuid.uuid4().hex[:8], payments))
    topic = contestant.topic(topics.PAYMENT_EVENTS)
    starts, before = ends(broker.bootstrap, topic), worker.events()
    commands, reports = preloaded(broker.bootstrap, contestant, of)
    cpu, broker_cpu, started = cpu_s(worker.pid), cpu_s(broker.pid), time.monotonic()
    commands.release()
    initiated = worker.wait_events(before + payments)
    reports.release()
    ended = worker.wait_events(before + STEPS * payments)
    cpu, broker_cpu = cpu_s(worker.pid) - cpu, cpu_s(broker.pid) - broker_cpu
    turn = Turn(
        contestant=contestant.name,
        payments=payments,
        seconds=round(ended - started, 2),
        payments_per_s=round(payments / (ended - started)),
        initiate_per_s=round(payments / (initiated - started)),
        reports_per_s=round((STEPS - 1) * payments / (ended - initiated)),
        cpu_us=round(cpu / payments * 1e6),
        broker_cpu_us=round(broker_cpu / payments * 1e6),
        resident_mib=resident_mib(worker.pid),
    )
    judged(broker.bootstrap, topic, starts, of).require()
    return turn
