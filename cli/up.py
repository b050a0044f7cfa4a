"""`directpay up`: the whole stack in the foreground until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import click

from cli.local_stack.stack import LocalStack
from cli.local_stack.trouble import StackError
from cli.status import clock_of_stack

PORT = click.IntRange(0, 65535)


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal: stop everything in order."""


@click.command()
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=".directpay",
    show_default=True,
    help="Folder for data, logs and stack.json.",
)
@click.option("--http-port", type=PORT, default=8000, show_default=True, help="Port of the API; 0 picks a free one.")
@click.option("--kafka-port", type=PORT, default=0, show_default=True, help="Port of Kafka; 0 picks a free one.")
@click.option("--postgres-port", type=PORT, default=0, show_default=True, help="Port of Postgres; 0 picks a free one.")
@click.option(
    "--rail-speed",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=1.0,
    show_default=True,
    help="Divides the simulated bank's delays.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes of the stream app."
)
@click.option("--api-processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes of the API.")
@click.option(
    "--ach",
    type=click.Choice(["delays", "files"]),
    default="delays",
    show_default=True,
    help="How ACH payments settle: after their rail's delay, or by Nacha files and bank hours (docs/ach.md).",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A DIRECTPAY_* setting for every process (docs/settings.md). Not for secrets.",
)
def up(
    state_dir: Path,
    http_port: int,
    kafka_port: int,
    postgres_port: int,
    rail_speed: float,
    workers: int,
    api_processes: int,
    ach: str,
    settings: tuple[str, ...],
) -> None:
    """Start Kafka, Postgres and every process of DirectPay, restart what dies, stop all on Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    stack = None
    try:
        stack = LocalStack(
            state_dir,
            http_port=http_port,
            kafka_port=kafka_port,
            postgres_port=postgres_port,
            rail_speed=rail_speed,
            workers=workers,
            api_processes=api_processes,
            ach_by_files=ach == "files",
            settings=_pairs(settings),
            say=_say,
        )
        stack.start()
        _tell(stack, began)
        threading.Event().wait()
    except Interrupted:
        click.echo("\nStopping")
    except StackError as error:
        sys.exit(f"directpay up: {error}")
    finally:
        if stack is not None:
            stack.stop()
    click.echo("Everything is stopped; the data is kept for the next start.")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Stopping is under way from here on: an impatient second Ctrl-C must not leave half of it running.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise StackError(f"--set {setting} has no value.", "Write it as --set NAME=VALUE.")
        pairs[name] = value
    return pairs


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}")


def _tell(stack: LocalStack, began: float) -> None:
    places = stack.stack
    click.echo(
        f"""
DirectPay runs ({time.monotonic() - began:.0f} s). Ctrl-C stops everything.

  API       {places["http"]}/docs
  Dashboard {places["http"]}/dashboard   (asks for the API key)
  API key   {places["api_key"]}   (tenant demo; admin key: {places["admin_key"]})
  Kafka     {places["kafka"]}
  Postgres  {places["analyst"]}   (read-only analyst)
  Bank      {places["bank"]}   (simulated)
  Logs      {places["logs"]}
"""
    )
    if "ach_files" in places:
        step = f"""curl -X PUT {places["bank"]}/clock -d '{{"step": true}}'"""
        click.echo(f"  ACH files {places['ach_files']}   (originator: {places['originator']}/books)\n")
        click.echo(f"  The bank keeps its hours. To what happens next there: {step}\n")
    # Left by whoever set it and was killed: it is not obvious why nothing that is due happens.
    if (clock := clock_of_stack(stack.state.clock_file)) is not None:
        click.echo(f"  The business clock {clock}.\n")
