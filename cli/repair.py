"""`directpay repair`: replays outcomes that are missing after an outage of the gateway."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from confluent_kafka import KafkaException

from cli.progress import Progress
from cli.settings import RepairSettings, load
from cli.status import STATE_DIR, running_stack
from kafka_log.producer import LogUnavailable
from kafka_log.reader import LogGap
from payments.payment import Payment
from rails.bank import BankUnavailable, Standing
from rails.missing_outcomes import ProcessingPayments, Told, ask_about, tell
from rails.routed_bank import RoutedBank
from rails.simulated.connection import SimulatedBankConnection

SEND_S_MAX = 30.0
# A stream app that runs decides a report in milliseconds; one that is down decides it when it is back.
DECIDED_S_MAX = 10.0


@click.command()
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: the settings.")
@click.option("--dry-run", is_flag=True, help="Ask, and say what would be reported; report nothing.")
def repair(state_dir: Path | None, dry_run: bool) -> None:
    """Ask the bank about every payment that is processing, and report what it has decided; twice changes nothing more.

    The gateway does so by itself; this needs none, and sends no payment. What only a statement tells is for
    `directpay reconcile`.
    """
    bootstrap, bank_url, ach_url = _places(state_dir)
    payments = ProcessingPayments(bootstrap, progress=Progress())
    try:
        processing = payments.read()
        told = asyncio.run(_ask(processing, bank_url, ach_url))
        if not dry_run:
            tell(bootstrap, told.reports, delivery_timeout_s=SEND_S_MAX)
        repaired = sorted({report.payment_id for report in told.reports})
        undecided = 0 if dry_run else payments.wait_decided(repaired, DECIDED_S_MAX)
    except BankUnavailable as error:
        sys.exit(f"directpay repair: the bank gave no answer ({error}). Run it again.")
    except (KafkaException, LogGap) as error:
        sys.exit(f"directpay repair: Kafka at {bootstrap} cannot be read: {error}")
    except LogUnavailable as error:
        sys.exit(f"directpay repair: {error.detail}. Run it again: what was reported is not heard twice.")
    finally:
        payments.close()
    standings = told.standings
    click.echo(
        f"{len(processing)} payments are processing: {len(repaired)} {'would be' if dry_run else 'are'} repaired, "
        f"{standings.get(Standing.IN_PROGRESS, 0)} are under way, "
        f"{standings.get(Standing.NOT_RECEIVED, 0)} are not at the bank (the gateway sends them), "
        f"{standings.get(Standing.UNCLEAR, 0)} are unclear."
    )
    if undecided:
        click.echo(f"{undecided} reports are not decided yet: does the stream app run?")


async def _ask(processing: Sequence[Payment], bank_url: str, ach_url: str | None) -> Told:
    lines = [SimulatedBankConnection(url) for url in (bank_url, ach_url) if url is not None]
    bank = lines[0] if len(lines) == 1 else RoutedBank(other=lines[0], ach=lines[1])
    try:
        return await ask_about(processing, bank, progress=Progress())
    finally:
        for line in lines:
            await line.close()


def _places(state_dir: Path | None) -> tuple[str, str, str | None]:
    if state_dir is None:
        settings = load(RepairSettings)
        return settings.kafka, settings.bank_url, settings.ach_url
    places = running_stack(state_dir)
    return str(places["kafka"]), str(places["bank"]), places.get("originator")
