"""`directpay bench`: measures the stages; the last line is one JSON object of figures."""

from __future__ import annotations

import json
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any

import click

from bench.backlog_stage import backlog_stage
from bench.broker import kafka
from bench.codec_stage import codec_stage
from bench.end_to_end_stage import CannotStart, Make, Measure, end_to_end_stage
from bench.faults_stage import FaultsPlan, faults_stage
from bench.growth_stage import growth_stage
from bench.judge import RunDoesNotCount
from bench.load import GeneratorFailed
from bench.nacha_stage import nacha_stage
from bench.own_system import MakeOurs, OwnSystem
from bench.part_stages import gateway_stage, ingest_stage, read_stage
from bench.peers.faust_topology.system import FaustTopology
from bench.peers.quix.system import Quix
from bench.peers.seed_design.system import SeedDesign
from bench.postgres import UNSAFE, postgres
from bench.projection_stage import projection_stage
from bench.questions_stage import questions_stage
from bench.rebuild_stage import rebuild_stage
from bench.restore_stage import memory_stage, restore_stage
from bench.stream_stage import stream_stage
from bench.sustained_stage import sustained_stage
from bench.system import PARTITIONS_OF_SYSTEMS
from bench.usage import machine
from bench.worker_process import WorkerEnded
from cli.local_stack.trouble import StackError
from observability.logs import configure_logging

STAGES = ("stream", "projection", "rebuild", "restore", "memory", "faults", "questions", "codec", "nacha")
OVER_HTTP = ("end_to_end", "sustained", "backlog", "growth", "ingest", "gateway", "read")
PEERS: Mapping[str, Make] = {"seed": SeedDesign, "faust": FaustTopology, "quix": Quix}
# The growth stage sets its payments against one in so many of them.
FEW = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OverHttp:
    """What the options ask of the stages over HTTP."""

    payments: int
    backlog: int
    grown: int
    lasting_s: float
    ours: Sequence[MakeOurs]
    peers: Sequence[Make]
    measure: Measure


@click.command()
@click.option("--stage", "stages", type=click.Choice(STAGES + OVER_HTTP), multiple=True, default=("stream", "restore"),
              show_default=True, help="What to measure; may be given several times.")  # fmt: skip
@click.option("--payments", type=click.IntRange(10), default=50_000, show_default=True,
              help="Payments of a turn of stream and projection (peers get a tenth), of gateway and read.")  # fmt: skip
@click.option("--rebuilt", type=click.IntRange(1), default=1_000_000, show_default=True,
              help="Payments whose projections are rebuilt, each of three transitions.")  # fmt: skip
@click.option("--restored", type=click.IntRange(1), default=1_000_000, show_default=True,
              help="Payments to restore; the memory stage sets as many against five times as many.")  # fmt: skip
@click.option("--faulted", type=click.IntRange(1), default=9_000, show_default=True,
              help="Payments of each act of the faults stage.")  # fmt: skip
@click.option("--asked", type=click.IntRange(1000), default=5_000_000, show_default=True,
              help="Payments that the questions stage asks about.")  # fmt: skip
@click.option("--entries", type=click.IntRange(10), default=500_000, show_default=True,
              help="Entries of the file that the nacha stage writes and reads.")  # fmt: skip
@click.option("--plans", type=click.Path(dir_okay=False, path_type=Path), default=None,
              help="Where the questions stage writes how Postgres answered, as Markdown.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True,
              help="How long each load of the stages over HTTP is offered.")  # fmt: skip
@click.option("--lasting", type=click.FloatRange(1), default=300.0, show_default=True,
              help="Seconds of the sustained stage.")  # fmt: skip
@click.option("--backlog", type=click.IntRange(1), default=1_000_000, show_default=True,
              help="Commands that wait on Kafka when the backlog stage starts to drain them.")  # fmt: skip
@click.option("--grown", type=click.IntRange(FEW), default=5_000_000, show_default=True,
              help=f"Payments that are there in the growth stage, set against one in {FEW} of them.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), multiple=True, default=(1,), show_default=True,
              help="Stream workers of ours end to end; given several times, each number takes turns.")  # fmt: skip
@click.option("--partitions", type=click.IntRange(1), multiple=True, default=(PARTITIONS_OF_SYSTEMS,),
              show_default=True, help="Partitions of ours over HTTP; end to end several take turns.")  # fmt: skip
@click.option("--beside", type=click.Choice(list(PEERS)), multiple=True,
              help="A peer that takes turns with ours end to end; may be given several times.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes the schedule of faults.")
@click.option("--bootstrap", default=None, help="A Kafka that is there, without our topics. Default: one is started.")
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None,
              help="Where each stage keeps some GB while it runs. Default: the system's folder for that.")  # fmt: skip
def bench(
    stages: tuple[str, ...],
    payments: int,
    rebuilt: int,
    restored: int,
    faulted: int,
    asked: int,
    entries: int,
    plans: Path | None,
    seconds: float,
    lasting: float,
    backlog: int,
    grown: int,
    workers: tuple[int, ...],
    partitions: tuple[int, ...],
    beside: tuple[str, ...],
    seed: int,
    bootstrap: str | None,
    folder: Path | None,
) -> None:
    """Measure the stages, each alone, or whole systems from a payment over HTTP to its row in the database."""
    configure_logging("bench", "WARNING")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # Workers and brokers end while clients of ours are connected, and every client says so.
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    figures: dict[str, Any] = {"machine": asdict(machine())}
    over_http = OverHttp(
        payments=payments,
        backlog=backlog,
        grown=grown,
        lasting_s=lasting,
        ours=[partial(OwnSystem, workers=w, partitions=p) for w, p in dict.fromkeys(product(workers, partitions))],
        peers=[PEERS[name] for name in dict.fromkeys(beside)],
        measure=Measure(seconds=seconds),
    )
    try:
        for stage in dict.fromkeys(stages):
            _say(f"stage {stage}")
            if stage == "codec":
                figures[stage] = codec_stage(_say)
                continue
            if stage == "questions":
                with (
                    tempfile.TemporaryDirectory(prefix="directpay-bench-", dir=folder) as work,
                    postgres(Path(work), *UNSAFE) as database,
                ):
                    figures[stage] = questions_stage(database.owner_uri, asked, _say, plans=plans)
                continue
            if stage in OVER_HTTP:
                with tempfile.TemporaryDirectory(prefix="directpay-bench-", dir=folder) as work:
                    figures[stage] = _over_http(stage, Path(work), over_http)
                continue
            if stage == "nacha":
                with tempfile.TemporaryDirectory(prefix="directpay-bench-", dir=folder) as work:
                    figures[stage] = nacha_stage(Path(work), entries, _say)
                continue
            # A broker for each stage: what one leaves behind is not the next one's to read.
            with (
                tempfile.TemporaryDirectory(prefix="directpay-bench-", dir=folder) as work,
                kafka(bootstrap, Path(work)) as broker,
            ):
                match stage:
                    case "stream":
                        figures[stage] = stream_stage(broker, Path(work), payments, _say)
                    case "projection":
                        figures[stage] = projection_stage(broker, Path(work), payments, _say)
                    case "rebuild":
                        figures[stage] = rebuild_stage(broker, Path(work), rebuilt, _say)
                    case "restore":
                        figures[stage] = restore_stage(broker, Path(work), restored, _say)
                    case "memory":
                        figures[stage] = memory_stage(broker, Path(work), restored, 5 * restored, _say)
                    case "faults":
                        figures[stage] = faults_stage(broker, Path(work), FaultsPlan(payments=faulted, seed=seed), _say)
    except (RunDoesNotCount, WorkerEnded, StackError, CannotStart, GeneratorFailed) as error:
        sys.exit(f"directpay bench: {type(error).__name__}: {error}")
    click.echo(json.dumps(figures))


def _over_http(stage: str, work: Path, of: OverHttp) -> dict[str, Any]:
    """Measure a stage that starts whole systems of its own."""
    # For root Postgres runs as another account, which has to get there.
    work.chmod(0o711)
    match stage:
        case "end_to_end":
            return end_to_end_stage(of.ours, work, of.measure, _say, peers=of.peers)
        case "sustained":
            return sustained_stage(of.ours[0], work, of.measure, of.lasting_s, _say)
        case "backlog":
            return backlog_stage(of.ours[0], work, of.backlog, of.measure, _say)
        case "growth":
            return growth_stage(of.ours[0], work, of.grown // FEW, of.grown, of.measure, _say)
        case "ingest":
            return ingest_stage(of.ours[0], work, of.measure, _say)
        case "gateway":
            return gateway_stage(of.ours[0], work, of.payments, of.measure, _say)
        case _:
            return read_stage(of.ours[0], work, of.payments, of.measure, _say)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # As an exception, so that brokers and workers end with us.
    raise KeyboardInterrupt


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)
