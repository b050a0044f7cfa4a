"""`directpay chaos`: a stack of its own under load and faults; the last line is one JSON object of figures."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import click

from chaos.run import Plan, run
from chaos.schedule import NoSuchFault
from cli.local_stack.trouble import StackError

SHOWN_MAX = 20


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or a closed terminal: stop everything in order. An event loop lets only this kind through."""


@click.command()
@click.option("--payments", type=click.IntRange(1), default=100_000, show_default=True, help="Payments to ask for.")
@click.option("--faults", type=click.IntRange(0), default=60, show_default=True, help="Faults while they are made.")
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes the load and the schedule of faults.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=100.0, show_default=True,
              help="Payments a second, whatever the stack does meanwhile.")  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(2, 16), default=2, show_default=True, help="Processes of the stream app."
)
@click.option("--only", multiple=True, metavar="FAULT[:COMPONENT]",
              help="Only such faults, e.g. pause:stream or kill; may be given several times.")  # fmt: skip
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), default=None,
              help="New folder for the evidence, kept. Default: one that goes if nothing is found.")  # fmt: skip
def chaos(
    payments: int, faults: int, seed: int, rate: float, workers: int, only: tuple[str, ...], state_dir: Path | None
) -> None:
    """Kill, pause and corrupt the processes of a working stack, and compare what clients were told with what it did."""
    folder = state_dir or Path(tempfile.mkdtemp(prefix="directpay-chaos-"))
    if state_dir is not None and (state_dir / "answers.jsonl").exists():
        sys.exit(f"directpay chaos: {state_dir} holds the evidence of an earlier run. Name a new folder.")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # The broker dies on purpose here, and every client says so.
    logging.getLogger("librdkafka").setLevel(logging.CRITICAL)
    plan = Plan(payments=payments, faults=faults, seed=seed, rate=rate, workers=workers, folder=folder, only=only)
    try:
        outcome = run(plan, _say)
    except Interrupted:
        sys.exit(f"directpay chaos: interrupted; what there is of the evidence is in {folder}.")
    except NoSuchFault:
        sys.exit(f"directpay chaos: no fault is {' or '.join(only)}.")
    except StackError as error:
        sys.exit(f"directpay chaos: {error}")
    for violation in outcome.violations[:SHOWN_MAX]:
        click.echo(f"{violation.kind}: payment {violation.payment_id}: {violation.detail}")
    if len(outcome.violations) > SHOWN_MAX:
        click.echo(f"... and {len(outcome.violations) - SHOWN_MAX} more")
    if outcome.violations:
        click.echo(f"The evidence and the logs of every process are in {folder}")
    elif state_dir is None:
        shutil.rmtree(folder, ignore_errors=True)
    click.echo(json.dumps(outcome.figures))
    sys.exit(1 if outcome.violations else 0)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # The stack is being stopped from here on: a second signal must not leave half of it running.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}")
