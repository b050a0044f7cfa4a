"""`directpay originator`: makes the ACH files, and is the gateway's bank for what goes into them."""

from __future__ import annotations

import click

from cli.settings import OriginatorSettings, load
from observability.logs import configure_logging
from rails.ach.retries import RetryTerms
from rails.ach.server import OriginatorConfig, run
from schemas.origination import AchSender


@click.command()
def originator() -> None:
    """Take ACH payments, hand their files in before each window closes; configured by DIRECTPAY_* variables."""
    settings = load(OriginatorSettings)
    instance = settings.instance or "originator"
    configure_logging(instance, settings.log_level)
    run(
        OriginatorConfig(
            bootstrap=settings.kafka,
            partitions=settings.partitions,
            sender=AchSender(
                company_name=settings.ach_company_name,
                company_identification=settings.ach_company_identification,
                entry_description=settings.ach_entry_description,
                bank_routing_number=settings.ach_bank_routing_number,
                destination_routing_number=settings.ach_destination_routing_number,
                destination_name=settings.ach_destination_name,
                origin=settings.ach_origin,
                origin_name=settings.ach_origin_name,
                payee_class=settings.ach_payee_class,
            ),
            keyring=settings.keyring,
            drop_dir=settings.ach_drop_dir,
            lead_s=settings.ach_lead_s,
            retries=RetryTerms(times=settings.ach_retries, after_banking_days=settings.ach_retry_days),
            prenotes=settings.ach_prenotes,
            dishonors=settings.ach_dishonors,
            state_dir=settings.state_dir,
            clock_file=settings.clock_file,
            instance=instance,
            host=settings.http_host,
            port=settings.http_port,
            health_host=settings.health_host,
            health_port=settings.health_port,
        )
    )
