"""Records that cannot be obeyed, of every kind that a careless or hostile producer may write."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro

from chaos.producers import Raw
from payments.commands import InitiatePayment
from payments.idempotency import payment_key
from schemas import codec, registry
from schemas.records import initiate_record
from schemas.topics import PAYMENT_COMMANDS, RAIL_REPORTS

TENANT = "chaos-poison"
UNKNOWN_SCHEMA_ID = 987_654
LARGE_BYTES = 400_000
HEADER_BYTES = 5
T_US = 1_800_000_000_000_000
PAYER, PAYEE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

_SCHEMA = fastavro.parse_schema(json.loads(registry.newest_of("io.directpay.InitiatePayment").text))


def poison(chance: random.Random, number: int) -> tuple[str, Raw]:
    """Return a kind of poison and a record of it; `number` makes it differ from all others."""
    kind = chance.choice(sorted(KINDS))
    return kind, KINDS[kind](chance, number)


def _order(number: int) -> InitiatePayment:
    return InitiatePayment(
        command_id=f"00000000-0000-4000-8000-{number:012x}",
        tenant_id=TENANT,
        idempotency_key=f"poison-{number}",
        payer_account_id=PAYER,
        payee_account_id=PAYEE,
        amount_minor=1,
        payment_rail_type="instant",
        requested_at_us=T_US,
    )


def _command(number: int, value: bytes | None) -> Raw:
    return Raw(topic=PAYMENT_COMMANDS.name, key=payment_key(TENANT, f"poison-{number}").encode(), value=value)


def _sound(number: int) -> bytes:
    return codec.encode(_order(number))


def _rule_broken(number: int, **changes: Any) -> Raw:
    """Return well-formed Avro whose fields break a rule: our own values refuse to be built like that."""
    body = BytesIO()
    body.write(_sound(number)[:HEADER_BYTES])
    fastavro.schemaless_writer(body, _SCHEMA, initiate_record(_order(number)) | changes)
    return _command(number, body.getvalue())


def _other_key(number: int) -> Raw:
    return Raw(topic=PAYMENT_COMMANDS.name, key=f"{TENANT}:not-of-{number}".encode(), value=_sound(number))


KINDS: dict[str, Callable[[random.Random, int], Raw]] = {
    "no_value": lambda _, number: _command(number, None),
    "empty_value": lambda _, number: _command(number, b""),
    "garbage": lambda chance, number: _command(number, chance.randbytes(chance.randint(1, 2000))),
    "large_garbage": lambda chance, number: _command(number, b"\xff" + chance.randbytes(LARGE_BYTES)),
    "json": lambda _, number: _command(number, json.dumps({"amount": number}).encode()),
    "truncated": lambda chance, number: _command(number, _sound(number)[: chance.randint(6, 60)]),
    "left_over": lambda _, number: _command(number, _sound(number) + b"more"),
    "unknown_schema": lambda _, number: _command(number, b"\0" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + b"x"),
    "no_key": lambda _, number: Raw(topic=PAYMENT_COMMANDS.name, key=None, value=_sound(number)),
    "key_not_utf8": lambda _, number: Raw(
        topic=PAYMENT_COMMANDS.name, key=b"\xff\xfe" + str(number).encode(), value=_sound(number)
    ),
    "other_key": lambda _, number: _other_key(number),
    "amount_zero": lambda _, number: _rule_broken(number, amount_minor=0),
    "amount_negative": lambda _, number: _rule_broken(number, amount_minor=-number - 1),
    "pays_itself": lambda _, number: _rule_broken(number, payee_account_id=PAYER),
    "rail_unknown": lambda _, number: _rule_broken(number, payment_rail_type="pigeon"),
    "command_among_reports": lambda _, number: Raw(
        topic=RAIL_REPORTS.name, key=_command(number, None).key, value=_sound(number)
    ),
}
