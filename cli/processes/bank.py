"""`directpay bank`: the simulated bank."""

from __future__ import annotations

import click

from cli.settings import BankSettings, load
from observability.logs import configure_logging
from rails.simulated.server import BankConfig, run


@click.command()
def bank() -> None:
    """Serve the simulated bank; configured by DIRECTPAY_* variables."""
    settings = load(BankSettings)
    configure_logging(settings.instance or "bank", settings.log_level)
    run(
        BankConfig(
            host=settings.http_host,
            port=settings.http_port,
            state_dir=settings.state_dir,
            rail_speed=settings.rail_speed,
            clock_file=settings.clock_file,
            drop_dir=settings.bank_drop_dir,
        )
    )
