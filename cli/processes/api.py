"""`directpay api`: the ingest API."""

from __future__ import annotations

import click

from cli.settings import ApiSettings, load
from ingest_api.app import run
from ingest_api.parts import ApiConfig
from observability.logs import configure_logging


@click.command()
def api() -> None:
    """Serve the HTTP API; configured by DIRECTPAY_* variables."""
    settings = load(ApiSettings)
    instance = settings.instance or "api"
    configure_logging(instance, settings.log_level)
    run(
        ApiConfig(
            bootstrap=settings.kafka,
            postgres=settings.postgres.get_secret_value(),
            partitions=settings.partitions,
            host=settings.http_host,
            port=settings.http_port,
            reuse_port=settings.reuse_port,
            admin_key=settings.admin_key.get_secret_value(),
            keyring=settings.keyring,
            outcome_wait_s=settings.outcome_wait_s,
            max_body_bytes=settings.max_body_bytes,
            docs_tenant=settings.docs_tenant,
            health_urls=settings.health_url_of,
            instance=instance,
            clock_file=settings.clock_file,
            reconciler_url=settings.reconciler_url,
            webhooks_allow_private=settings.webhooks_allow_private,
        )
    )
