"""`directpay rails`: the gateway between payments and the bank."""

from __future__ import annotations

import click

from cli.settings import RailsSettings, load
from observability.logs import configure_logging
from rails.gateway import GatewayConfig, run


@click.command()
def rails() -> None:
    """Claim payments, send them to the bank, report what came of them; configured by DIRECTPAY_* variables."""
    settings = load(RailsSettings)
    instance = settings.instance or "rails-0"
    configure_logging(instance, settings.log_level)
    run(
        GatewayConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            bank_url=settings.bank_url,
            ach_url=settings.ach_url,
            keyring=settings.keyring,
            state_dir=settings.state_dir,
            instance=instance,
            health_host=settings.health_host,
            health_port=settings.health_port,
            clock_file=settings.clock_file,
        )
    )
