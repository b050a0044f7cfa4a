"""The stream stage alone: one worker, its inputs there before the clock starts, three transitions a payment.

Ours, Kafka Streams and stock Faust, confirmed and not, take turns on one broker (A-B-C-D-D-C-B-A), so that what else
the machine does hits them all. Confirmed is like ours: the broker has an event before its input is acknowledged. A
turn: the worker starts, restores, decides a warm-up; then commands are released, and when every payment is initiated,
claims and settlements, so that no report comes before its payment. It ends when the worker has written three events a
payment. What is timed is what runs in production: Avro in and out, RocksDB, all partitions in one process; transactions
in ours and Kafka Streams'. Afterwards the events are read and compared with what the inputs mean.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from bench.broker import Broker
from bench.contestants import AT_LEAST_ONCE, EXACTLY_ONCE, KAFKA_STREAMS, OURS, UNCONFIRMED, Contestant, Say
from bench.inputs import lives, preloaded
from bench.judge import STEPS, ends, judged
from bench.turns import ratio_median, ratio_worst
from bench.usage import TICK_S, cpu_s, resident_mib
from bench.worker_process import WorkerProcess
from cli.local_stack.trouble import StackError
from schemas import topics

# Beside whom ours is set, by the name of the figures; those that take turns with it, and then one that has a turn.
TURNS = {
    "beside_kafka_streams": KAFKA_STREAMS,
    "beside_stock": AT_LEAST_ONCE,
    "beside_stock_unconfirmed": UNCONFIRMED,
}
ONE_TURN = {"beside_stock_exactly_once": EXACTLY_ONCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One contestant's turn; CPU times are for one payment with its three transitions, of worker and of Kafka.

    A CPU-second is the worker's, or that of worker and Kafka.
    """

    contestant: str
    payments: int
    seconds: float
    payments_per_s: int
    initiate_per_s: int
    reports_per_s: int
    cpu_us: int
    broker_cpu_us: int
    payments_per_cpu_s: int
    payments_per_cpu_s_with_kafka: int
    resident_mib: int


def stream_stage(broker: Broker, folder: Path, payments: int, say: Say) -> dict[str, Any]:
    """Return the figures of our worker and of its peers, and how many times faster ours is.

    A peer that cannot be installed is in `missing`, with the reason.
    """
    there, missing = installed((OURS, *TURNS.values(), *ONE_TURN.values()), say)
    turns = _turns(broker, folder, there, payments, say)
    of = {who.name: [each for each in turns if each.contestant == who.name] for who in there}
    ours = of[OURS.name]
    peers = {figure: who.name for figure, who in (TURNS | ONE_TURN).items() if who in there}
    ratios = {figure: beside(ours, of[name]) for figure, name in peers.items()}
    for figure, name in peers.items():
        say(f"ours beside {name}: {ratios[figure]}")
    return {
        "payments_per_s": _median(ours),
        **ratios,
        "missing": missing,
        "turns": [asdict(each) for each in turns],
    }


def _turns(broker: Broker, folder: Path, there: Sequence[Contestant], payments: int, say: Say) -> list[Turn]:
    for contestant in there:
        contestant.create_topics(broker.bootstrap)
    once = [each for each in there if each in ONE_TURN.values()]
    in_turns = [each for each in there if each not in once]
    turns = []
    for contestant in (*in_turns, *reversed(in_turns), *once):
        turn = _turn(broker, folder, contestant, contestant.payments(payments))
        say(
            f"{turn.contestant}: {turn.payments_per_s} payments/s; a CPU-second {turn.payments_per_cpu_s}, "
            f"with Kafka {turn.payments_per_cpu_s_with_kafka}"
        )
        turns.append(turn)
    return turns


def installed(contestants: Iterable[Contestant], say: Say) -> tuple[list[Contestant], dict[str, str]]:
    """Return those that can run here, and by the names of the others why they cannot."""
    there, missing = [], {}
    for contestant in contestants:
        try:
            contestant.install(say)
        except StackError as error:
            missing[contestant.name] = str(error)
            say(f"{contestant.name} is missing: {error}")
        else:
            there.append(contestant)
    return there, missing


def beside(ours: Sequence[Turn], theirs: Sequence[Turn]) -> dict[str, Any]:
    """Return how many times more ours does: in a second, a CPU-second of worker and Kafka, and one of the worker.

    A median is that of the medians; a worst ratio sets our worst turn against their best. Other work on the machine
    hardly moves the ratios of CPU time.
    """
    figures: dict[str, Any] = {"payments_per_s": _median(theirs)}
    for name, rate in (
        ("ratio", attrgetter("payments_per_s")),
        ("cpu_ratio", attrgetter("payments_per_cpu_s_with_kafka")),
        ("worker_cpu_ratio", attrgetter("payments_per_cpu_s")),
    ):
        mine, other = list(map(rate, ours)), list(map(rate, theirs))
        figures[f"{name}_median"] = ratio_median(mine, other)
        figures[f"{name}_worst"] = ratio_worst(mine, other)
    return figures


def _median(turns: Sequence[Turn]) -> int:
    return round(statistics.median(each.payments_per_s for each in turns))


def _turn(broker: Broker, folder: Path, contestant: Contestant, payments: int) -> Turn:
    worker = contestant.worker(broker.bootstrap, folder).start()
    try:
        worker.wait_ready()
        decide_payments(broker, contestant, worker, contestant.warm_up)
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
        payments_per_cpu_s=round(payments / max(cpu, TICK_S)),
        payments_per_cpu_s_with_kafka=round(payments / max(cpu + broker_cpu, TICK_S)),
        resident_mib=resident_mib(worker.pid),
    )
    judged(broker.bootstrap, topic, starts, of).require()
    return turn
