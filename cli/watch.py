"""`directpay watch`: follow a payment, transition by transition, until it has ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx

from cli.tenant_api import PAUSE_S, ApiRefusal, ApiSilent, TenantApi, stack_option
from payments.payment import Status

Say = Callable[[str], None]

PATH = "/api/v1/payments/"
LOOK_EVERY_S = 0.25
SILENT_S_MAX = 60.0  # Longer than any restart; the payment goes on meanwhile, so watching again misses nothing.
WELL, BADLY = 0, 3
ENDS = {
    Status.COMPLETED: WELL,
    Status.REFUNDED: WELL,
    Status.FAILED: BADLY,
    Status.RETURNED: BADLY,
    Status.CANCELLED: BADLY,
}
# What every transition repeats of the payment.
TERMS = frozenset({"payer_account", "payee_account", "amount", "currency", "rail"})


class NotEnded(Exception):
    """The time to wait is over; the message says where the payment is."""


@click.command()
@click.argument("payment")
@stack_option
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), help="So many seconds at most. Default: until Ctrl-C.")
def watch(payment: str, state_dir: Path | None, wait_s: float | None) -> None:
    """Print each transition of PAYMENT (its id) as it comes; exit 0 when it is completed, 3 when it came to nothing."""
    api = TenantApi.at(state_dir)
    try:
        sys.exit(exit_code(follow(api, payment, click.echo, wait_s=wait_s)))
    except (ApiSilent, ApiRefusal, NotEnded) as failure:
        sys.exit(f"directpay watch: {failure}")


def exit_code(status: Status) -> int:
    """Return what a command ends with that has followed a payment to this status."""
    return ENDS[status]


def follow(
    api: TenantApi, payment_id: str, say: Say, *, wait_s: float | None = None, unknown_s_max: float = 0.0
) -> Status:
    """Say each transition once, and return the status in which the payment has ended.

    A payment that is not known may become so within `unknown_s_max` seconds. Raises NotEnded after `wait_s`, ApiSilent
    when nothing was heard for a minute, ApiRefusal.
    """
    begin = heard_at = time.monotonic()
    told, status = 0, "not decided yet"
    tag: str | None = None
    while True:
        now = time.monotonic()
        try:
            answer = api.get(f"{PATH}{payment_id}", tag=tag)
            if answer.status_code == httpx.codes.OK:
                status, tag = answer.json()["status"], answer.headers.get("ETag")
                told = _tell(api, payment_id, say, told)
            heard_at = now
        except ApiSilent:
            if now - heard_at > SILENT_S_MAX:
                raise
            api.pause(PAUSE_S)
        except ApiRefusal as refusal:
            if refusal.status != httpx.codes.NOT_FOUND or now - begin >= unknown_s_max:
                raise
        if status in ENDS:
            return Status(status)
        if wait_s is not None and now - begin >= wait_s:
            raise NotEnded(f"payment {payment_id} is {status} after {wait_s:g} s")
        api.pause(LOOK_EVERY_S)


def _tell(api: TenantApi, payment_id: str, say: Say, told: int) -> int:
    """Say the transitions behind the first `told`, and return how many there are."""
    events: list[dict[str, Any]] = api.get(f"{PATH}{payment_id}/history").json()["events"]
    for event in events[told:]:
        say(_line(event))
    return len(events)


def _line(event: dict[str, Any]) -> str:
    at = datetime.fromisoformat(event["timestamp"]).astimezone(UTC)
    move = f"{event['previous_status'] or '-'} -> {event['new_status']}"
    changes = "  ".join(f"{name}={value}" for name, value in event["metadata"].items() if name not in TERMS)
    return (
        f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}  {event['event_type']:<20}  {move:<24}  {changes}".rstrip()
    )
