"""A tenant of its own on the running stack, with the people, accounts and lease that payments need."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx

from directory.entities import check_digit

SETTLE_WAIT_S_MAX = 60.0
POLL_S = 0.05
ROUTING_NUMBER = "121042882"


def routing_number(first_eight: str) -> str:
    return f"{first_eight}{check_digit(first_eight)}"


@dataclass
class Tenancy:
    """One tenant: its key, two accounts (payer the renter's, payee the landlord's) and a lease."""

    opened: ClassVar[list[httpx.Client]] = []

    http: httpx.Client
    tenant_id: str
    api_key: str
    landlord: str = ""
    renter: str = ""
    payer: str = ""
    payee: str = ""
    property: str = ""
    lease: str = ""
    made: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, places: dict[str, Any], *, furnish: bool = True) -> Tenancy:
        tenant_id = f"t{uuid.uuid4().hex[:12]}"
        admin = {"Authorization": f"Bearer {places['admin_key']}"}
        base = places["http"]
        answer = httpx.post(
            f"{base}/api/v1/tenants/", json={"id": tenant_id, "name": tenant_id}, headers=admin, timeout=20
        )
        assert answer.status_code == 201, answer.text
        answer = httpx.post(
            f"{base}/api/v1/api-keys/", json={"tenant_id": tenant_id, "name": "test"}, headers=admin, timeout=20
        )
        assert answer.status_code == 201, answer.text
        key = answer.json()["key"]
        http = httpx.Client(
            base_url=base,
            headers={"Authorization": f"Bearer {key}"},
            timeout=20,
            limits=httpx.Limits(max_connections=300, max_keepalive_connections=300),
        )
        cls.opened.append(http)
        tenancy = cls(http=http, tenant_id=tenant_id, api_key=key)
        if furnish:
            tenancy.furnish()
        return tenancy

    @classmethod
    def close_all(cls) -> None:
        while cls.opened:
            cls.opened.pop().close()

    def furnish(self) -> None:
        word = uuid.uuid4().hex[:8]
        self.landlord = self.create("users", email=f"alice+{word}@landlord.com", password="x" * 12, role="landlord")[
            "id"
        ]
        self.renter = self.create("users", email=f"bob+{word}@renter.com", password="x" * 12, role="renter")["id"]
        self.payee = self.account(self.landlord, "44001288")
        self.payer = self.account(self.renter, "98765432")
        self.property = self.create("properties", owner_id=self.landlord, address="123 Oak Street")["id"]
        self.lease = self.create(
            "leases", property_id=self.property, renter_id=self.renter, rent_amount="1500.00", due_day=1,
            start_date="2025-02-15",
        )["id"]  # fmt: skip

    def create(self, things: str, **body: Any) -> dict[str, Any]:
        """Create one, and return it once it can be read: a busy machine answers 202, whose id is final."""
        answer = self.http.post(f"/api/v1/{things}/", json=body)
        assert answer.status_code in (201, 202), answer.text
        created: dict[str, Any] = answer.json()
        deadline = time.monotonic() + SETTLE_WAIT_S_MAX
        while answer.status_code not in (200, 201):
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)
            answer = self.http.get(f"/api/v1/{things}/{created['id']}")
        return created

    def account(self, user_id: str, account_number: str, *, routing: str = ROUTING_NUMBER) -> str:
        created = self.create(
            "bank-accounts", user_id=user_id, account_holder_name="A Holder", routing_number=routing,
            account_number=account_number, account_type="checking",
        )  # fmt: skip
        account_id: str = created["id"]
        return account_id

    def body(self, key: str | None = None, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "idempotency_key": key or uuid.uuid4().hex,
            "lease_id": self.lease,
            "payer_account_id": self.payer,
            "payee_account_id": self.payee,
            "amount": "1500.00",
            "payment_rail_type": "instant",
        }
        return body | changes

    def pay(self, key: str | None = None, **changes: Any) -> httpx.Response:
        return self.http.post("/api/v1/payments/", json=self.body(key, **changes))

    def payment(self, payment_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/payments/{payment_id}")
        assert answer.status_code == 200, answer.text
        payment: dict[str, Any] = answer.json()
        return payment

    def history(self, payment_id: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"/api/v1/payments/{payment_id}/history")
        assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    def pages(self, path: str, limit: int) -> list[dict[str, Any]]:
        """Return the items of all pages of a list."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            answer = self.http.get(f"/api/v1/{path}", params={"limit": limit} | ({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def cancel(self, payment_id: str, key: str | None = None) -> httpx.Response:
        """Cancel, and where the answer is 202 (not decided yet) ask again with the same key, as a caller would."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        deadline = time.monotonic() + SETTLE_WAIT_S_MAX
        while True:
            answer = self.http.post(f"/api/v1/payments/{payment_id}/cancel", headers=headers)
            if answer.status_code != 202:
                return answer
            assert time.monotonic() < deadline, answer.text

    def wait_for(self, payment_id: str, *statuses: str, within_s: float = SETTLE_WAIT_S_MAX) -> dict[str, Any]:
        """Return the payment once it has one of these statuses; 404 and 503 on the way are waited out."""
        deadline = time.monotonic() + within_s
        seen = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = self.http.get(f"/api/v1/payments/{payment_id}")
            except httpx.TransportError as error:
                seen = repr(error)
            else:
                seen = answer.text
                if answer.status_code == 200 and answer.json()["status"] in statuses:
                    payment: dict[str, Any] = answer.json()
                    return payment
            time.sleep(POLL_S)
        raise AssertionError(f"payment {payment_id} did not become {statuses} within {within_s} s: {seen}")
