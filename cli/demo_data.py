"""`directpay demo-data`: a realistic year of leases and payments through the real pipeline, by a clock that is set."""

from __future__ import annotations

import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click
import httpx
import psycopg

from cli.demo_year.clock_hand import ClockHand
from cli.demo_year.data_set import DataSet, full_hour
from cli.demo_year.making import Making
from cli.demo_year.pipeline import Pipeline
from cli.demo_year.progress_file import Progress, ProgressFile
from cli.demo_year.trouble import CannotBegin, NoProgress, NotAsPlanned
from cli.demo_year.views import Found, Views
from cli.local_stack.credentials import Credentials
from cli.status import STATE_DIR, running_stack
from directory.sealing import Keyring

ANSWER_S_MAX = 5.0
# Slower, and a return could take longer than the hour that a year's end leaves for it.
RAIL_SPEED_MIN = 0.2


@click.command("demo-data")
@click.option("--payments", type=click.IntRange(100), required=True, help="How many payments the year has.")
@click.option("--state-dir", type=STATE_DIR, default=".directpay", show_default=True, help="Folder of the stack.")
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes ids, amounts and days.")
@click.option("--months", type=click.IntRange(1, 60), default=12, show_default=True, help="How long the year is.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), default=None,
              help="Its end (UTC), to the hour. Default: now.")  # fmt: skip
def demo_data(payments: int, state_dir: Path, seed: int, months: int, until: datetime | None) -> None:
    """Make leases and a year of their payments on a running local stack, whose clock goes through that year meanwhile.

    Equal options make the same data, and make nothing twice: interrupted, run it again.
    """
    places = running_stack(state_dir)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_with(stopping))
    try:
        file = ProgressFile(state_dir)
        try:
            data, progress = _data_set(file, payments=payments, seed=seed, months=months, until=until)
            found = _make(data, progress, file, places, state_dir, stopping)
        finally:
            file.close()
    except CannotBegin as error:
        sys.exit(f"directpay demo-data: {error}")
    except NotAsPlanned as error:
        sys.exit(
            f"directpay demo-data: not as planned: {error}.\nThe stack's clock stays as it is set. {_again(places)}"
        )
    except (NoProgress, psycopg.Error) as error:
        sys.exit(f"directpay demo-data: {error}.\nThe stack's clock stays as it is set. {_again(places)}")
    if found is None:
        sys.exit("Stopped, and the clock is handed back. Run it again with the same options to go on.")
    _tell(data, found)


def _data_set(
    file: ProgressFile, *, payments: int, seed: int, months: int, until: datetime | None
) -> tuple[DataSet, Progress]:
    """Return the data set that these options name, with the end that it was begun with."""
    now = datetime.now(UTC)
    end = full_hour(now if until is None else until.replace(tzinfo=UTC))
    if end > now:
        raise CannotBegin("A year cannot end in the future: its clock would have to be set back then.")
    data = DataSet(seed=seed, payments=payments, months=months, until=end)
    progress = file.of(data.name)
    if progress is None:
        return data, Progress(until=end)
    if until is not None and progress.until != end:
        raise CannotBegin(
            f"This stack has that year already, ending {progress.until:%Y-%m-%dT%H:%M}: leave --until out, or choose "
            f"another --seed."
        )
    return DataSet(seed=seed, payments=payments, months=months, until=progress.until), progress


def _make(
    data: DataSet,
    progress: Progress,
    file: ProgressFile,
    places: dict[str, Any],
    state_dir: Path,
    stopping: threading.Event,
) -> Found | None:
    hand = ClockHand(Path(places["clock_file"]), data)
    views = Views(places["analyst"], data)
    try:
        if progress.is_done:
            _say("This year was made before; nothing is added.")
            return views.found()
        _require_fit(places)
        if not hand.require_free():
            _require_quiet(views)
        file.save(data, progress)
        pipeline = Pipeline(places["kafka"])
        try:
            return Making(
                data,
                hand=hand,
                pipeline=pipeline,
                views=views,
                keyring=Keyring.parse(Credentials.of(state_dir / "credentials.json").encryption_keys),
                file=file,
                progress=progress,
                say=_say,
                stopping=stopping,
            ).run()
        finally:
            pipeline.close()
    finally:
        views.close()


def _require_fit(places: dict[str, Any]) -> None:
    """Everything has to work: what stands still would be noticed only when the clock is set."""
    if "ach_files" in places:
        raise CannotBegin("The year's ACH payments settle by delays: it needs a stack without --ach files.")
    if places["rail_speed"] < RAIL_SPEED_MIN:
        raise CannotBegin(
            f"The stack's rails are too slow for it: start it with --rail-speed {RAIL_SPEED_MIN:g} or more."
        )
    for name, url in places["health"].items():
        try:
            is_ready = httpx.get(url, timeout=ANSWER_S_MAX).is_success
        except httpx.HTTPError:
            is_ready = False
        if not is_ready:
            raise CannotBegin(f"{name} is not ready: see `directpay status`.")


def _require_quiet(views: Views) -> None:
    """Nobody else may be paying: their payments would be dated in a year that is not theirs, or wait for its end."""
    at_work, new = views.others()
    if at_work or new:
        raise CannotBegin(
            f"The stack has other traffic ({at_work} payments at work, {new} asked for in the last seconds), and its "
            f"clock is about to be set back. Try again when that has ended."
        )


def _again(places: dict[str, Any]) -> str:
    return (
        "Run it again with the same options to go on (`directpay status` shows what is down), or remove "
        f"{places['clock_file']} to hand the clock back."
    )


def _tell(data: DataSet, found: Found) -> None:
    click.echo(
        f"\n{found.total:,} payments from {data.start:%d %B %Y} to {data.until:%d %B %Y %H:%M} UTC, tenant demo:"
    )
    for fate, count in sorted(found.fates.items(), key=lambda each: (-each[1], str(each[0]))):
        click.echo(f"  {count:>9,}  {fate.status}" + (f" ({fate.code})" if fate.code else ""))
    click.echo(f"  {found.total - sum(found.fates.values()):>9,}  in flight: scheduled for the coming days")
    click.echo("All are as planned; the clock is the machine's.")


def _stop_with(stopping: threading.Event) -> Any:
    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            # Asked twice: at once, and the clock stays set.
            raise KeyboardInterrupt
        stopping.set()

    return stop


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}")
