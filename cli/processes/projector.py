"""`directpay projector`: brings the database to its shape, then projects the log into it."""

from __future__ import annotations

import sys

import click
import psycopg

from cli.settings import ProjectorSettings, load
from observability.logs import configure_logging
from projections.migrate import DatabaseUnreachable, MigrationRefused, migrate
from projections.projector import ProjectorConfig, run

POSTGRES_WAIT_S = (
    30.0  # Started together, it may be recovering still. Below the time in which a process has to be ready.
)


@click.command()
def projector() -> None:
    """Project payments, refusals and the directory into Postgres; configured by DIRECTPAY_* variables."""
    settings = load(ProjectorSettings)
    instance = settings.instance or "projector-0"
    configure_logging(instance, settings.log_level)
    postgres = settings.postgres.get_secret_value()
    try:
        # Here too, for places where nobody runs it beforehand; when nothing is missing it changes nothing.
        migrate(postgres, analyst_password=settings.analyst_password.get_secret_value(), wait_s=POSTGRES_WAIT_S)
    except (MigrationRefused, DatabaseUnreachable, psycopg.Error) as error:
        sys.exit(f"directpay projector: {error}")
    run(
        ProjectorConfig(
            bootstrap=settings.kafka,
            postgres=postgres,
            analyst_password=settings.analyst_password.get_secret_value(),
            partitions=settings.partitions,
            instance=instance,
            health_host=settings.health_host,
            health_port=settings.health_port,
        )
    )
