"""A tenant for the run: its key, payers of every kind that the simulated bank knows, payees."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chaos.plan import PAYERS, SILENT

TENANT = "chaos"
ANSWER_S_MAX = 20.0
PLAIN_PAYERS, PAYEES = 6, 4
ROUTING_NUMBER = "121042882"  # A public one, whose check digit is right.
PLAIN_NUMBER = 98_765_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who pays whom: account ids, the payers by what the bank does with them."""

    id: str
    api_key: str
    payers: Mapping[str, Sequence[str]]
    payees: Sequence[str]

    @property
    def silent_payers(self) -> frozenset[str]:
        """The payers of whose payments the bank never says a word."""
        return frozenset(self.payers[SILENT])


def open_tenant(http: str, admin_key: str, *, tenant_id: str = TENANT) -> Tenant:
    """Make the tenant on a stack that works; raises httpx.HTTPStatusError when it does not."""
    admin = {"Authorization": f"Bearer {admin_key}"}
    with httpx.Client(base_url=http, timeout=ANSWER_S_MAX, trust_env=False) as client:
        _post(client, "tenants", admin, id=tenant_id, name="Chaos")
        api_key = str(_post(client, "api-keys", admin, tenant_id=tenant_id, name="chaos")["key"])
        desk = _Desk(client, {"Authorization": f"Bearer {api_key}"})
        renter, landlord = desk.user("renter"), desk.user("landlord")
        payers = {
            kind: [desk.account(renter, kind)]
            if kind.isdecimal()
            else [desk.account(renter, str(PLAIN_NUMBER + number)) for number in range(PLAIN_PAYERS)]
            for kind in PAYERS
        }
        payees = [desk.account(landlord, str(PLAIN_NUMBER + 500 + number)) for number in range(PAYEES)]
    return Tenant(id=tenant_id, api_key=api_key, payers=payers, payees=payees)


class _Desk:
    def __init__(self, client: httpx.Client, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def user(self, role: str) -> str:
        password = secrets.token_urlsafe(16)
        user = _post(self._client, "users", self._headers, email=f"{role}@chaos.test", password=password, role=role)
        return str(user["id"])

    def account(self, user_id: str, account_number: str) -> str:
        account = _post(
            self._client,
            "bank-accounts",
            self._headers,
            user_id=user_id,
            account_holder_name="A Holder",
            routing_number=ROUTING_NUMBER,
            account_number=account_number,
            account_type="checking",
        )
        return str(account["id"])


def _post(client: httpx.Client, things: str, headers: dict[str, str], **body: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{things}/", json=body, headers=headers).raise_for_status()
    return dict(answer.json())
