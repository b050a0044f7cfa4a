"""`directpay rebuild`: recreates every projection from Kafka beside the live ones, then swaps them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import psycopg
from confluent_kafka import KafkaException

from cli.settings import RebuildSettings, load
from cli.status import STATE_DIR, running_stack
from kafka_log.reader import LogGap
from observability.collector import let_collector_rest
from projections.batch import UnprojectableRecord
from projections.fresh_tables import CannotReplace
from projections.loaders import LoadFailed
from projections.migrate import MigrationRefused
from projections.positions import ForeignLog
from projections.rebuild import RebuildRuns, drop_replaced, rebuild
from projections.swap import SwapRefused
from projections.whole_log import TopicsMissing

READERS_WAIT_S = 20.0


@click.command("rebuild")
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: the settings.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), default=READERS_WAIT_S, show_default=True,
              help="Seconds to wait for those who read the replaced tables, before these are left.")  # fmt: skip
@click.option("--drop-replaced", "only_drop", is_flag=True, help="Only drop what earlier rebuilds left for readers.")
def rebuild_command(state_dir: Path | None, wait_s: float, only_drop: bool) -> None:
    """Make every projection anew from Kafka beside the live ones, which serve meanwhile; then swap them.

    Needs about as much disk again as the projections have, until the replaced tables are dropped.
    """
    bootstrap, postgres = _places(state_dir)
    let_collector_rest()
    try:
        if only_drop:
            kept = drop_replaced(postgres=postgres, readers_wait_s=wait_s, say=_say)
        else:
            rebuilt = rebuild(bootstrap=bootstrap, postgres=postgres, readers_wait_s=wait_s, say=_say)
            kept = list(rebuilt.kept)
            click.echo(
                f"Rebuilt from {rebuilt.records:,} records: {rebuilt.transitions:,} transitions in "
                f"{rebuilt.took_s:.1f} s ({rebuilt.transitions / rebuilt.took_s:,.0f}/s)."
            )
    except (
        RebuildRuns, CannotReplace, SwapRefused, ForeignLog, MigrationRefused, TopicsMissing, UnprojectableRecord,
        LoadFailed, LogGap, KafkaException, psycopg.Error,
    ) as error:  # fmt: skip
        sys.exit(f"directpay rebuild: {str(error).strip()}. The live projections are as they were.")
    if kept:
        click.echo(
            f"Somebody still reads replaced tables; {', '.join(kept)} stays until the next rebuild, "
            "or `directpay rebuild --drop-replaced`."
        )


def _places(state_dir: Path | None) -> tuple[str, str]:
    """Return where Kafka and Postgres are."""
    if state_dir is not None:
        stack = running_stack(state_dir)
        return str(stack["kafka"]), str(stack["postgres"])
    settings = load(RebuildSettings)
    return settings.kafka, settings.postgres.get_secret_value()


def _say(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)
