"""`directpay webhooks replay`: asks the API to deliver events to an endpoint again."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cli.tenant_api import ApiRefusal, ApiSilent, TenantApi, stack_option

SILENT_S_MAX = 30.0  # Longer than a restart of broker or API; then somebody should look.


@click.command()
@click.argument("endpoint", type=click.UUID)
@stack_option
@click.option("--message", "message_id", metavar="ID", help="Only this event: the webhook-id of its deliveries.")
@click.option("--from", "start", metavar="TIME", help="Only what was attempted at this time (UTC) or later.")
@click.option("--to", "end", metavar="TIME", help="Only what was attempted before this time (UTC).")
@click.option("--failed-only", is_flag=True, help="Only what was given up.")
def replay(
    endpoint: uuid.UUID,
    state_dir: Path | None,
    message_id: str | None,
    start: str | None,
    end: str | None,
    failed_only: bool,
) -> None:
    """Deliver to ENDPOINT again what it was to be told in the last 30 days: all of it, or what the options leave."""
    wanted = {"message_id": message_id, "from": start, "to": end, "failed_only": failed_only}
    try:
        replay_id = request_replay(TenantApi.at(state_dir), endpoint, wanted)
    except (ApiSilent, ApiRefusal) as failure:
        sys.exit(f"directpay webhooks replay: {failure}")
    click.echo(f"Replay {replay_id} is under way: the deliveries that it asks for name it.")


def request_replay(api: TenantApi, endpoint: uuid.UUID, wanted: Mapping[str, Any]) -> str:
    """Return the id of the replay. Raises ApiSilent, ApiRefusal."""
    # One key: an answer that was lost must not make two of it.
    path = f"/api/v1/webhook-endpoints/{endpoint}/replay"
    answer = api.post(path, wanted, key=str(uuid.uuid4()), silent_s_max=SILENT_S_MAX)
    return str(answer.json()["id"])
