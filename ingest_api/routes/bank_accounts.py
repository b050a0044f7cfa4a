"""Bank accounts: the numbers are sealed here, before anything leaves the process; outside there is only a token."""

from __future__ import annotations

import json
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import AccountType, BankAccount, Kind, Scope, account_number_errors
from ingest_api.bodies import Fields, parse_object, read_body
from ingest_api.creation import Creation, Creations, new_entity_id
from ingest_api.idempotency import FIELD, optional_key
from ingest_api.parts import Parts
from ingest_api.references import Reference, require_references
from ingest_api.routes.entities import entity_routes

PATH = "/api/v1/bank-accounts/"
SHOWN_DIGITS = 4


def bank_account_routes(parts: Parts) -> list[Route]:
    return [Route(PATH, BankAccounts(parts).create, methods=["POST"]), *entity_routes(parts, PATH, Kind.BANK_ACCOUNT)]


class BankAccounts:
    """Where a user pays from, or is paid to."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._creations = Creations(parts)

    async def create(self, request: Request) -> Response:
        parts = self._parts
        caller = await parts.doorkeeper.caller(request, Scope.WRITE)
        members = parse_object(await read_body(request, bytes_max=parts.config.max_body_bytes))
        key = optional_key(request, members)
        entity_id = new_entity_id(caller.tenant_id, Kind.BANK_ACCOUNT, key)
        account, routing_number, account_number = _account(members, entity_id)
        holder = Reference(field="user_id", entity_id=account.user_id, kind=Kind.USER)
        await require_references(parts.directory, caller.tenant_id, [holder])
        creation = Creation(
            tenant_id=caller.tenant_id,
            kind=Kind.BANK_ACCOUNT,
            entity_id=entity_id,
            entity=account,
            body=[
                account.user_id, account.account_holder_name, routing_number, account_number, account.account_type,
            ],
            idempotency_key=key,
            path=PATH,
        )  # fmt: skip

        async def secret() -> bytes:
            return json.dumps({"routing_number": routing_number, "account_number": account_number}).encode()

        return await self._creations.create(creation, secret=secret)


def _account(members: dict[str, object], entity_id: str) -> tuple[BankAccount, str, str]:
    fields = Fields(members)
    fields.optional_text(FIELD)
    user_id, holder = fields.text("user_id"), fields.text("account_holder_name")
    routing_number, account_number = fields.text("routing_number"), fields.text("account_number")
    account_type = fields.choice("account_type", AccountType)
    errors = account_number_errors(routing_number, account_number)
    for error in errors:
        fields.fault(error.field, error.message)
    fields.refuse_others()
    account = fields.build(
        lambda: BankAccount(
            user_id=user_id,
            account_holder_name=holder,
            account_type=account_type,
            token=f"acct_{UUID(entity_id).hex}",
            last4="0000" if errors else _last4(account_number),
        )
    )
    return account, routing_number, account_number


def _last4(account_number: str) -> str:
    # Of a number that is no longer than what is shown, half: the rest must stay a secret.
    shown = SHOWN_DIGITS if len(account_number) > SHOWN_DIGITS else SHOWN_DIGITS // 2
    return account_number[-shown:].rjust(SHOWN_DIGITS, "0")
