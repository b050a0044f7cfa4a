"""The cost of a payment with few and with many payments in the system: the same phase in two systems, by turns.

Both run all the time, each at rest while the other is measured: a machine's speed moves more within half an hour than
what is to be seen here.

The payments are there as after years: their records on payment-events, in the stores of the stream app, which restores
them, and in Postgres, where `directpay rebuild` projects them; that is the fastest way, and what an operator does. They
are snapshots.py's, completed, of 12 payments a lease; the bank never heard of them, so that the oracle of chaos cannot
judge. What is judged are the measured payments: each has its three events on the log once, in order, and a row.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.end_to_end_stage import WARM_UP_BATCHES, Measure, Say, enough, running
from bench.judge import STEPS, Judge, RunDoesNotCount, ends, event_id, read_to_end
from bench.load import Load, Offer
from bench.own_system import TENANT, MakeOurs, OwnSystem, id_of
from bench.phase import Bench, Phase
from bench.process_times import ProcessTimes
from bench.rebuild_stage import PAYMENTS_A_LEASE
from bench.restore_stage import require_restored
from bench.snapshots import Snapshots
from bench.turns import there_and_back
from projections.rebuild import rebuild
from schemas.topics import PAYMENT_EVENTS

TURNS = 2  # Each there and back (few, many, many, few): the median of four costs of each is told.
# So many a start of the stream app: it restores them well within the time that the stack gives it to become ready.
RESTORED_AT_ONCE = 500_000
READERS_WAIT_S = 20.0
HEALTH_S_MAX = 10.0
# Of what was made beforehand, so many payments are asked for again with another body.
ASKED_AGAIN = 20
ASKED_TIMES_MAX = 5
KEY_REUSED, NOT_KNOWN_YET = 422, 202
# All processes together use less than this when what filling left to do is done: merges, checkpoints, late readers.
REST_CORES = 0.5
REST_LOOK_S, REST_S_MAX = 5.0, 900.0
_ROWS = """
SELECT count(*), count(*) FILTER (WHERE status <> 'completed' OR sequence <> %s)
FROM projection.payments WHERE tenant_id = %s
"""


@dataclass(frozen=True, slots=True)
class _Filled:
    """One of the two systems, with what its phases were."""

    system: OwnSystem
    bench: Bench
    payments: int
    phases: list[Phase] = field(default_factory=list)


def growth_stage(make: MakeOurs, folder: Path, few: int, many: int, measure: Measure, say: Say) -> dict[str, Any]:
    """Return the CPU time of a payment, in all processes, with `few` and with `many` payments there before."""
    snapshots = Snapshots(steps=STEPS, leases=max(many // PAYMENTS_A_LEASE, 1))
    assert snapshots.tenant_id == TENANT, "the payments are of one tenant"
    with ExitStack() as stack:
        both = [_filled(make, folder / str(count), snapshots, count, stack, say) for count in (few, many)]
        for each in both:
            _rest(each.system, say)
            _require_known(each.system, snapshots, each.payments, folder)
            _warm_up(each, measure)
        for each in there_and_back(both) * TURNS:
            each.phases.append(_measured(each, measure, say))
        for each in both:
            _require_rows(each.system, each.payments + each.bench.accepted)
    return _compared(both, say)


def _filled(make: MakeOurs, folder: Path, snapshots: Snapshots, count: int, stack: ExitStack, say: Say) -> _Filled:
    """Start a system that runs as long as `stack`, with so many payments in it."""
    system = make(folder)
    stack.enter_context(running(system, say))
    _fill(system, snapshots, range(count), say)
    return _Filled(system, Bench(system, folder), count)


def _fill(system: OwnSystem, snapshots: Snapshots, numbers: range, say: Say) -> None:
    """Let these payments be in the system: on the log, in the stores, in Postgres."""
    stack = system.stack
    stack.stop_component("projector")
    for begin in range(numbers.start, numbers.stop, RESTORED_AT_ONCE):
        part = range(begin, min(begin + RESTORED_AT_ONCE, numbers.stop))
        stack.stop_component("stream")
        for written in snapshots.write(stack.stack["kafka"], part, system.partitions):
            say(f"growth: {begin + written} of {numbers.stop} payments written")
        stack.start_component("stream")
        require_restored(_restored(system), len(part))
    rebuilt = rebuild(
        bootstrap=stack.stack["kafka"],
        postgres=stack.stack["postgres"],
        readers_wait_s=READERS_WAIT_S,
        say=lambda _: None,
    )
    say(f"growth: {rebuilt.transitions} transitions projected in {rebuilt.took_s:.0f} s")
    with psycopg.connect(stack.stack["postgres"], autocommit=True) as owner:
        # What a load leaves to autovacuum and to the next checkpoint is not a cost of the payments that come after it.
        owner.execute("VACUUM (ANALYZE)")
        owner.execute("CHECKPOINT")
    stack.start_component("projector")


def _restored(system: OwnSystem) -> int:
    """Return how many records the stream app's worker has read to restore its state since it started."""
    health = httpx.get(system.stack.stack["health"]["stream-0"], timeout=HEALTH_S_MAX, trust_env=False)
    return int(health.raise_for_status().json()["progress"])


def _require_known(system: OwnSystem, snapshots: Snapshots, count: int, folder: Path) -> None:
    """Raise RunDoesNotCount unless the stream app knows these payments: it refuses their keys with another body."""
    posts = [system.under_key(snapshots.record(number)[0]) for number in range(0, count, max(count // ASKED_AGAIN, 1))]
    strange: list[int] = []
    for _ in range(ASKED_TIMES_MAX):
        answers = Offer(system.url, Load(posts=posts, connections=1, seconds=REST_S_MAX), folder).make().answers
        strange += [each.status for each in answers if each.status not in (KEY_REUSED, NOT_KNOWN_YET)]
        # 202 is no answer yet: the API waits 2 s, and a busy machine may need more.
        posts = [posts[each.request] for each in answers if each.status == NOT_KNOWN_YET]
        if not posts:
            break
    if strange or posts:
        raise RunDoesNotCount(f"of keys with another body {len(posts)} were not decided, and {strange} was answered")


def _rest(system: OwnSystem, say: Say) -> None:
    """Return when the system is idle; raises RunDoesNotCount when it never is."""
    times, began_s = ProcessTimes(system.pids), time.monotonic()
    cores = float("inf")
    while cores > REST_CORES:
        if time.monotonic() - began_s > REST_S_MAX:
            raise RunDoesNotCount(f"the system uses {cores:.1f} cores {REST_S_MAX:.0f} s after it was filled")
        times.look()
        before_s, looked_s = sum(times.cpu_s().values()), time.monotonic()
        time.sleep(REST_LOOK_S)
        times.look()
        cores = (sum(times.cpu_s().values()) - before_s) / (time.monotonic() - looked_s)
    say(f"growth: at rest after {time.monotonic() - began_s:.0f} s")


def _warm_up(of: _Filled, measure: Measure) -> None:
    """Let a system work without being measured, until what stands on disk since it was filled has been read."""
    batches = partial(of.bench.batches, size=measure.batch, connections=measure.batch_connections)
    seen = batches(WARM_UP_BATCHES, seconds=measure.warm_up_s)
    of.phases.append(batches(enough(seen, measure.seconds, measure.batch_connections), seconds=measure.seconds))


def _measured(of: _Filled, measure: Measure, say: Say) -> Phase:
    """Measure one round, and judge all of its payments."""
    kafka, connections = of.system.stack.stack["kafka"], measure.batch_connections
    starts, told = ends(kafka, PAYMENT_EVENTS.name), len(of.system.told)
    requests = enough(of.phases[-1], measure.seconds, connections)
    phase = of.bench.batches(requests, size=measure.batch, connections=connections, seconds=measure.seconds)
    say(f"growth, {of.payments} there: {phase.cpu_us} us of CPU a payment, {phase.payments_per_s} payments/s")
    judge = Judge(id_of(number) for number in of.system.told[told:])
    for message in read_to_end(kafka, PAYMENT_EVENTS.name, starts):
        judge.hear(*event_id(message))
    judge.verdict().require()
    return phase


def _require_rows(system: OwnSystem, payments: int) -> None:
    """Raise RunDoesNotCount unless Postgres has so many payments, all of them completed."""
    with psycopg.connect(system.stack.stack["postgres"]) as owner:
        rows, otherwise = owner.execute(_ROWS, (STEPS, TENANT)).fetchone() or (0, 0)
    if rows != payments or otherwise:
        raise RunDoesNotCount(f"{rows} of {payments} payments have a row, {otherwise} of them are not completed")


def _compared(both: Sequence[_Filled], say: Say) -> dict[str, Any]:
    # The first phase of each warmed it up.
    rounds = {str(each.payments): each.phases[1:] for each in both}
    cpu_us = {count: statistics.median(each.cpu_us for each in of) for count, of in rounds.items()}
    (few, before), (many, after) = cpu_us.items()
    growth = round(100 * (after / before - 1), 1)
    say(f"growth: {before} us a payment with {few} there, {after} with {many}: {growth} %")
    return {
        "cpu_us": cpu_us,
        "growth_percent": growth,
        "cpu_us_by_kind": {count: _median_by_kind(of) for count, of in rounds.items()},
        "rounds": {count: [asdict(each) for each in of] for count, of in rounds.items()},
    }


def _median_by_kind(of: list[Phase]) -> dict[str, float]:
    return {kind: statistics.median(each.cpu_us_by_kind.get(kind, 0.0) for each in of) for kind in of[0].cpu_us_by_kind}
