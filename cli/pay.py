"""`directpay pay`: send a payment over HTTP, and follow it."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import httpx

from cli.local_stack.demo_tenant import TENANT
from cli.tenant_api import ApiRefusal, ApiSilent, TenantApi, stack_option
from cli.watch import NotEnded, Say, exit_code, follow
from ingest_api.examples import Examples
from payments.rails import RAILS, Rail

PATH = "/api/v1/payments/"
SILENT_S_MAX = 30.0  # Longer than a restart of broker or API; then somebody should look.
UNKNOWN_S_MAX = 10.0  # Another API process may not show yet what this one has accepted.


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be paid; a party that is None is the one of the examples, where there is one."""

    key: str
    amount: str
    rail: str
    payer: str | None
    payee: str | None
    lease: str | None
    description: str | None


class PartyMissing(Exception):
    """Only a local stack has accounts to try out."""


@click.command()
@stack_option
@click.option("--amount", required=True, help="Dollars, such as 1500.00.")
@click.option("--rail", type=click.Choice(list(RAILS)), default=Rail.INSTANT.value, show_default=True, help="The way.")
@click.option("--payer", help="Bank account that pays. Default, on a local stack: Bob's, of the examples in /docs.")
@click.option("--payee", help="Bank account that is paid. Default, on a local stack: Alice's.")
@click.option("--lease", help="Lease that is paid.")
@click.option("--description", help="Your words for it.")
@click.option("--idempotency-key", "key", help="Send it again with the same one: there is one payment. Default: new.")
@click.option("--watch", "is_watched", is_flag=True, help="Follow the payment until it has ended.")
@click.option("--wait", "wait_s", type=click.FloatRange(min=0), help="With --watch: so many seconds at most.")
def pay(
    state_dir: Path | None,
    amount: str,
    rail: str,
    payer: str | None,
    payee: str | None,
    lease: str | None,
    description: str | None,
    key: str | None,
    is_watched: bool,
    wait_s: float | None,
) -> None:
    """Send a payment and show its id and the answer; exit 1 when it was refused."""
    order = Order(
        key=key or uuid.uuid4().hex,
        amount=amount,
        rail=rail,
        payer=payer,
        payee=payee,
        lease=lease,
        description=description,
    )
    api = TenantApi.at(state_dir)
    try:
        payment_id = send(api, order, click.echo)
        if is_watched:
            sys.exit(exit_code(follow(api, payment_id, click.echo, wait_s=wait_s, unknown_s_max=UNKNOWN_S_MAX)))
    except PartyMissing as missing:
        raise click.UsageError(str(missing)) from missing
    except ApiSilent as silent:
        sys.exit(f"directpay pay: {silent}\nSend it again with --idempotency-key {order.key}: there is one payment.")
    except (ApiRefusal, NotEnded) as failure:
        sys.exit(f"directpay pay: {failure}")


def send(api: TenantApi, order: Order, say: Say) -> str:
    """Send the order and return the payment's id. Raises PartyMissing, ApiSilent, ApiRefusal."""
    payer, payee = _parties(api, order)
    body: dict[str, Any] = {
        "amount": order.amount,
        "payment_rail_type": order.rail,
        "payer_account_id": payer,
        "payee_account_id": payee,
    }
    optional = {"lease_id": order.lease, "description": order.description}
    body |= {name: value for name, value in optional.items() if value is not None}
    say(f"Idempotency-Key: {order.key}")
    answer = api.post(PATH, body, key=order.key, silent_s_max=SILENT_S_MAX)
    payment: dict[str, Any] = answer.json()
    say(f"{answer.status_code} {_meaning(answer.status_code)}")
    say(json.dumps(payment, indent=2, ensure_ascii=False))
    return str(payment["id"])


def _meaning(status: int) -> str:
    match status:
        case 200:
            return "This key has a payment: this is its first answer again."
        case 202:
            return "Accepted, not decided yet; the id is final."
        case _:
            return "Created."


def _parties(api: TenantApi, order: Order) -> tuple[str, str]:
    """Return payer and payee: those that were named, or Bob and Alice of the examples, who are made if need be."""
    if order.payer is not None and order.payee is not None:
        return order.payer, order.payee
    if not api.is_local:
        raise PartyMissing("--payer and --payee must be given: only a local stack has accounts to try out.")
    examples = Examples(tenant_id=TENANT, today=date.min)
    if order.payee is None:
        # Bob is there from the stack's start, Alice from the first example of /docs on.
        _make(api, "users", examples.landlord)
        _make(api, "bank-accounts", examples.landlord_account)
    return order.payer or examples.bob_account_id, order.payee or examples.alice_account_id


def _make(api: TenantApi, things: str, example: dict[str, Any]) -> None:
    """Make what an example describes, unless it is there: with its key that is a replay, and no second one."""
    try:
        api.post(f"/api/v1/{things}/", example, key=example["idempotency_key"], silent_s_max=SILENT_S_MAX)
    except ApiRefusal as refusal:
        if refusal.status != httpx.codes.CONFLICT:  # Somebody has made the user under another key: she is there.
            raise
