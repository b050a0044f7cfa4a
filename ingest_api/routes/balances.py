"""Balances: what each account of the ledger paid and was paid."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.entities import Scope
from ingest_api.answers import json_answer
from ingest_api.listing import QueryString
from ingest_api.parts import Parts
from payments.money import format_amount
from projections.queries import BalanceRow

PATH = "/api/v1/balances/"


def balance_routes(parts: Parts) -> list[Route]:
    return [Route(PATH, Balances(parts).list, methods=["GET"])]


class Balances:
    """The ledger's accounts of one tenant, as the views show them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, request: Request) -> Response:
        caller = await self._parts.doorkeeper.caller(request, Scope.READ)
        query = QueryString(request)
        account = query.account("account")
        limit, cursor = query.limit(), query.cursor()
        query.check()
        page = await self._parts.queries.balances(caller.tenant_id, account, limit, cursor)
        return json_answer({"items": [_body(row) for row in page.items], "next_cursor": page.next_cursor})


def _body(row: BalanceRow) -> dict[str, object]:
    return {
        "account": row.account,
        "currency": row.currency,
        "debits": format_amount(row.debits_minor),
        "credits": format_amount(row.credits_minor),
        "balance": format_amount(row.balance_minor),
    }
