"""`directpay reconciler`: compares bank statements with payments."""

from __future__ import annotations

import click

from cli.settings import ReconcilerSettings, load
from observability.logs import configure_logging
from reconciliation.server import ReconcilerConfig, run


@click.command()
def reconciler() -> None:
    """Take bank statements, find what differs, repair what was lost; configured by DIRECTPAY_* variables."""
    settings = load(ReconcilerSettings)
    instance = settings.instance or "reconciler"
    configure_logging(instance, settings.log_level)
    run(
        ReconcilerConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            state_dir=settings.state_dir,
            statements_dir=settings.statements_dir,
            own_accounts=frozenset(settings.own_accounts.split(",")) - {""},
            clock_file=settings.clock_file,
            instance=instance,
            host=settings.http_host,
            port=settings.http_port,
        )
    )
