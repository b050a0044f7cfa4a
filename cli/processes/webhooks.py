"""`directpay webhooks`: delivers events to the endpoints of tenants."""

from __future__ import annotations

import click

from cli.settings import WebhooksSettings, load
from observability.logs import configure_logging
from webhooks.dispatcher import DispatcherConfig, run
from webhooks.retries import parse_schedule


@click.command()
def webhooks() -> None:
    """Tell tenants' endpoints what happens to their payments; configured by DIRECTPAY_* variables."""
    settings = load(WebhooksSettings)
    instance = settings.instance or "webhooks-0"
    configure_logging(instance, settings.log_level)
    run(
        DispatcherConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            keyring=settings.keyring,
            state_dir=settings.state_dir,
            allow_private=settings.webhooks_allow_private,
            delays_s=parse_schedule(settings.webhooks_retry_s),
            disable_after_s=settings.webhooks_disable_after_s,
            clock_file=settings.clock_file,
            instance=instance,
            health_host=settings.health_host,
            health_port=settings.health_port,
        )
    )
