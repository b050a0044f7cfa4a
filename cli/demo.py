"""`directpay demo`: start a whole stack of its own, take the guided tour on it, stop everything."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError
from cli.walkthrough.by_files import walk_by_files
from cli.walkthrough.conversation import TourFailed
from cli.walkthrough.lost_answer import walk_lost_answer
from cli.walkthrough.places import Places
from cli.walkthrough.tour import walk
from cli.walkthrough.webhook import walk_webhook

# The tour's own receiver of webhooks is on this machine.
LAST_SETTINGS = {"WEBHOOKS_ALLOW_PRIVATE": "true"}


@click.command()
@click.option("--rail-speed", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True,
              help="How many times faster than in life the simulated bank settles.")  # fmt: skip
def demo(rail_speed: float) -> None:
    """Rent paid end to end on a real Kafka and a real Postgres, each step shown and verified."""
    began = time.monotonic()
    state_dir = Path(tempfile.mkdtemp(prefix="directpay-demo-"))
    click.echo("DirectPay: rent paid, from POST to history, on a real Kafka and a real Postgres on this machine.\n")
    stack = LocalStack(state_dir, rail_speed=rail_speed)
    try:
        stack.start()
        places = stack.stack
        click.echo(
            f"\nEverything runs ({time.monotonic() - began:.0f} s). API: {places['http']}  Kafka: {places['kafka']}"
        )
        walk(Places.of(places), click.echo)
        settings = "".join(f" --set {name}={value}" for name, value in LAST_SETTINGS.items())
        click.echo(f"\nThe same stack again, as `directpay up --ach files{settings}` starts it:")
        click.echo("ACH goes by files from here on.\n")
        stack.stop()
        stack = LocalStack(state_dir, rail_speed=rail_speed, ach_by_files=True, settings=LAST_SETTINGS)
        stack.start()
        for chapters in (walk_by_files, walk_webhook, walk_lost_answer):
            chapters(Places.of(stack.stack), click.echo)
    except (TourFailed, StackError) as failure:
        stack.stop()
        click.echo(f"\nThe demo failed: {failure}\nThe logs of every process are in {state_dir / 'logs'}.", err=True)
        sys.exit(1)
    except BaseException:
        stack.stop()
        raise
    stack.stop()
    shutil.rmtree(state_dir, ignore_errors=True)
    click.echo(f"\nEvery step held. All processes are stopped ({time.monotonic() - began:.0f} s in all).")
    click.echo("Next: `make up` keeps a stack running and prints where it answers; open /docs there.")
