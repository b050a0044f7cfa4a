"""Ours and stock Faust under the same faults: what each loses, repeats and forgets, of how many.

For each contestant, on one broker: two workers, and five acts. An act is a load of payments at a steady rate and one
kind of fault, at times that the seed fixes. When nothing more comes, and payments are missing, all workers are stopped
and started once more; what is missing then is lost. At last every command is sent again, as a client would after a
time-out: a table that knows its payments answers with no event.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.broker import PARTITIONS, Broker
from bench.contestants import AT_LEAST_ONCE, EXACTLY_ONCE, OURS, Contestant, Say
from bench.crew import Crew
from bench.fault_schedule import Script, scripts
from bench.inputs import Life, lives, producer_of, write
from bench.judge import Judge, ends, read_to_end
from bench.mini_gateway import MiniGateway
from payments.rejection import Rejection
from schemas import codec, topics

# Longer than a session time-out and a restart of a busy machine's slowest worker.
SILENCE_S = 25.0
SETTLED_S_MAX = 900.0
# Enough that every partition has some; they come behind all commands that are sent again.
CANARIES = 8 * PARTITIONS
CONTESTANTS = (OURS, AT_LEAST_ONCE, EXACTLY_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsPlan:
    """`payments` at `rate` a second in each act; the seed fixes the faults.

    The rate is near what stock Faust can do, so that there is work in hand when a fault comes.
    """

    payments: int
    seed: int
    rate: float = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one act: `crashes` of workers, and counts of payments and of events.

    Payments: `stuck` were not completed before all workers were restarted, `lost` not after it either; `silent` met the
    exception and were not refused aloud, `refused` were; of `misjudged` something was refused that was right.
    Events: `doubled`, `out_of_order`, and `forgotten`, those that commands sent again brought about.
    """

    contestant: str
    act: str
    payments: int
    faults: int
    lost: int
    stuck: int
    silent: int
    refused: int
    misjudged: int
    doubled: int
    out_of_order: int
    forgotten: int
    crashes: int


def faults_stage(
    broker: Broker, folder: Path, plan: FaultsPlan, say: Say, *, contestants: Sequence[Contestant] = CONTESTANTS
) -> dict[str, Any]:
    """Return the outcomes of all contestants, and print them as a table."""
    outcomes: list[Outcome] = []
    outside: dict[str, bool] = {}
    for contestant in contestants:
        contestant.create_topics(broker.bootstrap)
        with MiniGateway(broker, contestant) as gateway:
            with Crew(broker, folder, contestant) as crew:
                for script in scripts(plan.seed, payments=plan.payments, over_s=plan.payments / plan.rate):
                    outcomes.append(Run(broker, contestant, crew, gateway, plan).play(script))
                    say(str(outcomes[-1]))
            outside[contestant.name] = _wrote_outside(broker, contestant, gateway.events)
    for line in table(outcomes):
        say(line)
    return {"outcomes": [asdict(each) for each in outcomes], "events_outside_transactions": outside}


def table(outcomes: list[Outcome]) -> list[str]:
    """Return the outcomes as the rows of a Markdown table."""
    columns = tuple(Outcome.__dataclass_fields__)
    rows = [[str(getattr(each, name)) for name in columns] for each in outcomes]
    return [f"| {' | '.join(row)} |" for row in [list(columns), ["---"] * len(columns), *rows]]


class Run:
    """One contestant in one act."""

    def __init__(
        self, broker: Broker, contestant: Contestant, crew: Crew, gateway: MiniGateway, plan: FaultsPlan
    ) -> None:
        self._broker = broker
        self._contestant = contestant
        self._crew = crew
        self._gateway = gateway
        self._plan = plan
        self._commands = contestant.topic(topics.PAYMENT_COMMANDS)

    def play(self, script: Script) -> Outcome:
        run = uuid.uuid4().hex[:8]
        of = list(lives(run, self._plan.payments, breaks=script.breaks))
        broken = frozenset(of[number].order.payment_id for number in script.breaks)
        judge, crashes = self._judge(of), self._crew.crashes
        self._load(of, script)
        stuck = self._settled(judge, broken)
        if stuck:
            self._crew.restart()
            self._settled(judge, broken)
        before = judge.verdict(besides=broken)
        self._send_again(run, [each for each in of if each.order.payment_id not in broken])
        after = judge.verdict(besides=broken)
        ids = {each.order.payment_id for each in of}
        rejected = [(payment_id, reason) for payment_id, reason in self._rejections() if payment_id in ids]
        refused = {payment_id for payment_id, reason in rejected if reason == "decision-failed"} & broken
        return Outcome(
            contestant=self._contestant.name,
            act=script.act.value,
            payments=len(of),
            faults=len(script.faults) or len(script.breaks),
            lost=before.lost,
            stuck=stuck,
            silent=len(broken - refused),
            refused=len(refused),
            misjudged=len({payment_id for payment_id, _ in rejected} - broken),
            doubled=before.doubled,
            out_of_order=before.out_of_order,
            forgotten=after.doubled - before.doubled,
            crashes=self._crew.crashes - crashes,
        )

    def _judge(self, of: list[Life]) -> Judge:
        judge = Judge(each.order.payment_id for each in of)
        self._gateway.expect(of, judge)
        return judge

    def _load(self, of: list[Life], script: Script) -> None:
        """Send the commands at the rate, whatever the workers do, while the faults come at their times."""
        began = time.monotonic()
        faults = threading.Thread(target=self._hit, args=(script, began))
        faults.start()
        producer = producer_of(self._broker.bootstrap, {"linger.ms": 5})
        for number, each in enumerate(of):
            time.sleep(max(0.0, began + number / self._plan.rate - time.monotonic()))
            producer.produce(self._commands, key=each.order.key, value=codec.encode(each.order))
            producer.poll(0)
        producer.flush(30)
        faults.join()

    def _hit(self, script: Script, began: float) -> None:
        for fault in script.faults:
            time.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            self._crew.hit(script.act, fault)

    def _settled(self, judge: Judge, broken: frozenset[str]) -> int:
        """Wait until all payments are completed, or nothing new has come for long; return how many are not."""
        began = time.monotonic()
        while lost := judge.verdict(besides=broken).lost:
            now = time.monotonic()
            if now - max(began, self._gateway.heard_at) > SILENCE_S or now - began > SETTLED_S_MAX:
                return lost
            time.sleep(0.5)
        return 0

    def _send_again(self, run: str, of: list[Life]) -> None:
        canaries = list(lives(f"{run}-c", CANARIES))
        judge = self._judge(canaries)
        messages: Iterable[tuple[str, bytes]] = (
            (each.order.key, codec.encode(each.order)) for each in [*of, *canaries]
        )
        write(producer_of(self._broker.bootstrap), self._commands, messages)
        self._settled(judge, frozenset())

    def _rejections(self) -> Iterator[tuple[str | None, str]]:
        topic = self._contestant.topic(topics.PAYMENT_REJECTIONS)
        starts = dict.fromkeys(range(PARTITIONS), 0)
        for message in read_to_end(self._broker.bootstrap, topic, starts):
            rejection = codec.decode(message.value())
            if isinstance(rejection, Rejection):
                yield rejection.payment_id, rejection.reason


def _wrote_outside(broker: Broker, contestant: Contestant, events: int) -> bool:
    """Say whether the events are of no transaction: every transaction leaves a marker, which takes an offset too."""
    return sum(ends(broker.bootstrap, contestant.topic(topics.PAYMENT_EVENTS)).values()) == events
