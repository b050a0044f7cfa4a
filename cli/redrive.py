"""`directpay redrive`: sends refused records again after their cause is mended."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import click
from confluent_kafka import KafkaException

from cli.progress import Progress
from cli.refused_records import RefusedRecords, Selection, TopicsMissing
from cli.settings import KafkaSettings, load
from cli.status import STATE_DIR, running_stack
from kafka_log.producer import LogUnavailable
from kafka_log.reader import LogGap
from payments.redrive import MENDABLE, obstacle, place_of, tenant_of
from payments.rejection import Rejection
from payments.timestamps import rfc3339

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: DIRECTPAY_KAFKA.")
@click.option("--reason", "reasons", multiple=True, type=click.Choice(sorted(MENDABLE)), help="Only refused for this.")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--from", "start", type=MOMENT, help="Only refused at this moment (UTC) or later.")
@click.option("--to", "end", type=MOMENT, help="Only refused before this moment (UTC).")
@click.option("--record", "places", multiple=True, metavar="TOPIC/PARTITION/OFFSET",
              help="Only the refused record that stood there.")  # fmt: skip
@click.option("--again", is_flag=True, help="Also what was sent again before, and refused again.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, and what not and why; send nothing.")
def redrive(
    state_dir: Path | None,
    reasons: tuple[str, ...],
    tenant: str | None,
    start: datetime | None,
    end: datetime | None,
    places: tuple[str, ...],
    again: bool,
    dry_run: bool,
) -> None:
    """Send refused records again, as they were, after their cause is mended; twice changes nothing more.

    Only what was refused for a fault on our side (an unknown schema, bytes that could not be read, an exception while
    deciding) is sent. Any other refusal is an answer: whoever got it asks anew.
    """
    bootstrap = load(KafkaSettings).kafka if state_dir is None else str(running_stack(state_dir)["kafka"])
    selection = Selection(
        # A record that is named is told about, whatever it was refused for.
        reasons=frozenset(reasons) or (frozenset() if places else MENDABLE),
        tenant=tenant,
        places=frozenset(places),
        from_us=_microseconds(start),
        to_us=_microseconds(end),
    )
    records = RefusedRecords(bootstrap, progress=Progress())
    try:
        selected = records.selected(selection)
        sent = records.sent_again(selected)
        done = frozenset(sent.values())
        # Left out: or else every run would send once more what nobody has mended, and twice would not be as once.
        left = frozenset() if again or places else frozenset(sent)
        fates = {place_of(each): _fate(each, done, left) for each in selected}
        sendable = [each for each in selected if fates[place_of(each)] is Fate.TO_SEND]
        for each in selected:
            if dry_run or fates[place_of(each)] is Fate.HINDERED:
                click.echo(_line(each, fates[place_of(each)]))
        if not dry_run:
            records.send(sendable)
    except TopicsMissing as error:
        sys.exit(f"directpay redrive: Kafka at {bootstrap} has no {error}.")
    except (KafkaException, LogGap) as error:
        sys.exit(f"directpay redrive: Kafka at {bootstrap} cannot be read: {error}")
    except LogUnavailable as error:
        sys.exit(f"directpay redrive: {error.detail}. Run it again: what was sent is not sent twice.")
    counts = Counter(fates.values())
    click.echo(
        f"{len(sendable)} {'would be sent' if dry_run else 'sent again'}, {counts[Fate.DONE]} were sent before, "
        f"{counts[Fate.REFUSED_AGAIN]} were sent and refused again, {counts[Fate.HINDERED]} cannot be sent."
    )
    if missing := sorted(selection.places - fates.keys()):
        click.echo(f"No refusal is kept (for 30 days) of {', '.join(missing)}.")
    if missing or (places and counts[Fate.HINDERED]):
        sys.exit(1)


class Fate(StrEnum):
    """What becomes of a selected record."""

    TO_SEND = "to be sent"
    DONE = "was sent before"
    REFUSED_AGAIN = "was sent and refused again; --again sends it once more"
    HINDERED = "cannot be sent"


def _fate(rejection: Rejection, done: frozenset[str], left: frozenset[str]) -> Fate:
    place = place_of(rejection)
    if place in done:
        return Fate.DONE
    if obstacle(rejection) is not None:
        return Fate.HINDERED
    return Fate.REFUSED_AGAIN if place in left else Fate.TO_SEND


def _line(rejection: Rejection, fate: Fate) -> str:
    at, whose, key = rfc3339(rejection.rejected_at_us), tenant_of(rejection) or "-", rejection.key or "-"
    why = f": {obstacle(rejection)}" if fate is Fate.HINDERED else ""
    return f"{place_of(rejection)}  {at}  {rejection.reason}  {whose}  {key}  {fate}{why}"


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
