"""`directpay verify`: checks the promises on a live system, and names every payment that breaks one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from cli.progress import Progress
from cli.settings import VerifySettings, load
from cli.status import STATE_DIR, running_stack
from projections.verification.faults import Fault, Kind
from projections.verification.verifier import PROJECTED_WAIT_S, CannotVerify, Summary
from projections.verification.verifier import verify as compare

LINES_MAX = 20
EXIT_BROKEN, EXIT_CANNOT_VERIFY = 1, 2


@click.command()
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: the settings.")
@click.option("--wait", "wait_s", type=click.FloatRange(0), default=PROJECTED_WAIT_S, show_default=True,
              help="Longest time in seconds to wait for the projector.")  # fmt: skip
@click.option("--lines", "lines_max", type=click.IntRange(0), default=LINES_MAX, show_default=True,
              help="How many faults of a kind are told in full; of the others only what they are of.")  # fmt: skip
def verify(state_dir: Path | None, wait_s: float, lines_max: int) -> None:
    """Compare views and ledger with the log and check every history, on a live system.

    Exit 0 when all promises hold; 1 when one is broken, with a line for each fault that begins with the payment's id;
    2 when nothing can be said (Kafka or Postgres cannot be reached, the projector is too far behind).
    """
    bootstrap, postgres = _places(state_dir)
    report = Report(lines_max)
    try:
        summary = compare(bootstrap, postgres, tell=report.tell, progress=Progress(), wait_s=wait_s)
    except CannotVerify as cannot:
        click.echo(f"directpay verify: cannot verify: {cannot}", err=True)
        sys.exit(EXIT_CANNOT_VERIFY)
    for line in report.ending(summary):
        click.echo(line)
    if summary.faults:
        sys.exit(EXIT_BROKEN)


def _places(state_dir: Path | None) -> tuple[str, str]:
    """Return Kafka's bootstrap servers and Postgres' URI."""
    try:
        if state_dir is None:
            settings = load(VerifySettings)
            return settings.kafka, settings.postgres.get_secret_value()
        places = running_stack(state_dir)
        return str(places["kafka"]), str(places["postgres"])
    except SystemExit as ended:
        # Exit code 1 would say that a promise is broken.
        click.echo(ended.code, err=True)
        sys.exit(EXIT_CANNOT_VERIFY)


class Report:
    """Tells faults as they are found: the first of each kind in full, of the others what they are of. Holds none."""

    def __init__(self, lines_max: int) -> None:
        self._lines_max = lines_max
        self._told: Counter[Kind] = Counter()

    def tell(self, fault: Fault) -> None:
        """Print the fault's line."""
        self._told[fault.kind] += 1
        is_in_full = self._told[fault.kind] <= self._lines_max
        click.echo(f"{fault.subject}: {fault.detail if is_in_full else fault.kind.value}")

    def ending(self, summary: Summary) -> list[str]:
        """Return the last lines: how many faults there are of each kind, and how much was compared."""
        counts = [
            f"{count:,} of {kind.value}" + (f" ({self._lines_max:,} told in full)" if count > self._lines_max else "")
            for kind, count in sorted(self._told.items())
        ]
        compared = (
            f"{summary.payments:,} payments, {summary.events:,} events, {summary.entries:,} ledger entries, "
            f"{summary.entities:,} entities, {summary.refusals:,} refusals and {summary.deliveries:,} webhook "
            "deliveries compared with the log"
        )
        if not counts:
            return [f"All promises hold: {compared}."]
        return [f"{summary.faults:,} faults: {', '.join(counts)}.", f"{compared}."]
