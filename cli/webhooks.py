"""`directpay webhooks`: the process that delivers events to endpoints; `directpay webhooks replay`: deliver again."""

from __future__ import annotations

import importlib

import click

from cli.webhook_replay import replay


@click.group(invoke_without_command=True)
@click.pass_context
def webhooks(context: click.Context) -> None:
    """Tell tenants' endpoints what happens to their payments; configured by DIRECTPAY_* variables."""
    if context.invoked_subcommand is None:
        # Only the process itself needs what it runs on.
        context.invoke(importlib.import_module("cli.processes.webhooks").webhooks)


webhooks.add_command(replay)
