"""`directpay topics apply` and `directpay topics check`: Kafka's topics are as schemas/topics.py says."""

from __future__ import annotations

import sys

import click

from cli.settings import TopicSettings, load
from kafka_log.topics_admin import TopicsUnfit, apply_topics, check_topics


@click.group()
def topics() -> None:
    """Create or check the topics on the Kafka that DIRECTPAY_KAFKA names."""


@topics.command("apply")
def apply() -> None:
    """Create the topics that are missing and set the settings that differ; twice changes nothing more."""
    settings = load(TopicSettings)
    try:
        apply_topics(settings.kafka, settings.partitions, replication_factor=settings.replication_factor)
    except TopicsUnfit as error:
        sys.exit(f"directpay topics apply: {error}")
    click.echo(f"The topics on {settings.kafka} are as they should be ({settings.partitions} partitions).")


@topics.command("check")
def check() -> None:
    """Exit 0 when the topics are as they should be, else 1 with a line for each difference."""
    settings = load(TopicSettings)
    try:
        differences = check_topics(settings.kafka, settings.partitions, replication_factor=settings.replication_factor)
    except TopicsUnfit as error:
        sys.exit(f"directpay topics check: {error}")
    for difference in differences:
        click.echo(difference)
    if differences:
        sys.exit(1)
    click.echo(f"The topics on {settings.kafka} are as they should be ({settings.partitions} partitions).")
