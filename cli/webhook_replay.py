"""`directpay webhooks replay`: asks the API to deliver events to an endpoint again."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

import click
import httpx

from cli.settings import CallerSettings, load
from cli.status import STATE_DIR, running_stack

ANSWER_S_MAX = 10.0
ATTEMPTS_MAX = 2


@click.command()
@click.argument("endpoint", type=click.UUID)
@click.option("--state-dir", type=STATE_DIR, help="Folder of a running local stack. Default: DIRECTPAY_API_URL.")
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
    api_url, api_key = _api(state_dir)
    wanted = {"message_id": message_id, "from": start, "to": end, "failed_only": failed_only}
    replay_id = _asked(f"{api_url}/api/v1/webhook-endpoints/{endpoint}/replay", api_key, wanted)
    click.echo(f"Replay {replay_id} is under way: the deliveries that it asks for name it.")


def _api(state_dir: Path | None) -> tuple[str, str]:
    """Return where the API is, and a key for it."""
    if state_dir is not None:
        places = running_stack(state_dir)
        return places["http"], places["api_key"]
    settings = load(CallerSettings)
    return settings.api_url.rstrip("/"), settings.api_key.get_secret_value()


def _asked(url: str, api_key: str, body: dict[str, Any]) -> str:
    """Return the id of the replay, or end the command saying why there is none."""
    # The same key again: an answer that was lost must not make two of it.
    headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": str(uuid.uuid4())}
    said = "it did not answer"
    for _ in range(ATTEMPTS_MAX):
        try:
            answer = httpx.post(url, json=body, headers=headers, timeout=ANSWER_S_MAX)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            continue
        if answer.status_code == httpx.codes.ACCEPTED:
            return str(answer.json()["id"])
        said = _detail(answer)
        if not answer.is_server_error:
            break
    sys.exit(f"directpay webhooks replay: {url}: {said}")


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
