"""`directpay stream`: one worker of the stream app."""

from __future__ import annotations

import click

from cli.settings import StreamSettings, load
from observability.logs import configure_logging
from stream_app.app import StreamConfig, run


@click.command()
def stream() -> None:
    """Decide payments and directory changes; configured by DIRECTPAY_* variables."""
    settings = load(StreamSettings)
    instance = settings.instance or "stream-0"
    configure_logging(instance, settings.log_level)
    run(
        StreamConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            state_dir=settings.state_dir,
            instance=instance,
            health_host=settings.health_host,
            health_port=settings.health_port,
            rail_speed=settings.rail_speed,
            ach_lead_us=int(settings.ach_lead_s * 1_000_000) if settings.ach_by_files else None,
            schema_registry_url=settings.schema_registry_url,
            log_level=settings.log_level,
            input_kept_s=settings.input_kept_s,
            accept_gap=settings.stream_accept_gap,
        )
    )
