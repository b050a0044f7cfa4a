"""The directpay command. Subcommands are imported when they are called, so that each starts with what it needs only."""

from __future__ import annotations

import importlib

import click

from observability.logs import configure_logging

SUBCOMMANDS = {
    "api": "cli.processes.api:api",
    "bank": "cli.processes.bank:bank",
    "bench": "cli.bench:bench",
    "chaos": "cli.chaos:chaos",
    "demo": "cli.demo:demo",
    "demo-data": "cli.demo_data:demo_data",
    "nacha": "cli.nacha:nacha",
    "originator": "cli.processes.originator:originator",
    "pay": "cli.pay:pay",
    "projector": "cli.processes.projector:projector",
    "questions": "cli.questions:ask_questions",
    "rails": "cli.processes.rails:rails",
    "reconcile": "cli.reconcile:reconcile",
    "reconciler": "cli.processes.reconciler:reconciler",
    "rebuild": "cli.rebuild:rebuild_command",
    "redrive": "cli.redrive:redrive",
    "repair": "cli.repair:repair",
    "statement": "cli.statement:statement",
    "status": "cli.status:status",
    "stream": "cli.processes.stream:stream",
    "topics": "cli.topics:topics",
    "up": "cli.up:up",
    "verify": "cli.verify:verify",
    "watch": "cli.watch:watch",
    "webhooks": "cli.webhooks:webhooks",
}


class Subcommands(click.Group):
    """Finds a subcommand by name and imports it then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = SUBCOMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Subcommands)
@click.version_option(package_name="directpay")
def main() -> None:
    """DirectPay: rent from a renter's bank account to a landlord's; never twice, never lost, always explainable."""
    # What a command tells a person is not a log; the processes configure theirs when they have read their settings.
    configure_logging("cli", "WARNING")


if __name__ == "__main__":
    main()
