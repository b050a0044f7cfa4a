"""A tenant whose payments go through a bank that errs: what was ordered, what the bank's books and its record of its
faults have, and what reconciliation and the views say of it."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import psycopg

from cli.settings import KafkaSettings
from payments.idempotency import payment_id, payment_key
from payments.payment import Status
from payments.rails import RAILS
from payments.windows import eastern
from rails.bank import Reference
from rails.simulated.day_statements import account_name
from schemas.partitioning import partition_of
from schemas.reconciliation import Side, Verdict
from tests.e2e.tenancy import POLL_S, Tenancy
from tests.e2e.test_reconciliation import STATEMENTS, all_items

PARTITIONS = KafkaSettings.model_fields["partitions"].default
BATCH = 2_500
SEED = 20_250_220


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A payment's transfer as the bank's own books and its record of its faults have it; amounts in cents."""

    payment_id: str
    payer: str
    payee: str
    amount_minor: int
    booked_minor: int
    is_dropped: bool = False
    is_doubled: bool = False

    @property
    def is_changed(self) -> bool:
        return self.booked_minor != self.amount_minor

    @property
    def faults(self) -> tuple[str, ...]:
        """Which faults it has, of those that were drawn."""
        wrong = {"dropped": self.is_dropped, "doubled": self.is_doubled, "changed": self.is_changed}
        return tuple(name for name, is_so in wrong.items() if is_so)

    @property
    def is_lost(self) -> bool:
        """What only the statement tells, and tells so that it can mean nothing else."""
        return self.is_dropped and not self.is_changed

    def expected(self) -> Iterator[tuple[str, str, str]]:
        """Yield what reconciliation should say of each of its bookings."""
        for side in Side:
            first = Verdict.MISMATCHED if self.is_changed else Verdict.MATCHED
            if self.is_lost and side is Side.PAYEE:
                first = Verdict.REPAIRED
            yield self.payment_id, side.value, first.value
            if self.is_doubled:
                yield self.payment_id, side.value, Verdict.DUPLICATE.value


@dataclass
class World:
    """A tenant whose payments go through a bank that errs. `wait_s_max` bounds every wait of its."""

    stack: Any
    tenancy: Tenancy
    wait_s_max: float
    payers: list[str] = field(default_factory=list)
    payees: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)  # Of payments, with their amounts in cents.

    @classmethod
    def open(cls, stack: Any, people: int, wait_s_max: float) -> World:
        tenancy = Tenancy.open(stack.stack)
        world = cls(stack, tenancy, wait_s_max)
        # Nobody else's, so that the bank's balances are of these payments only.
        number = random.randrange(10**9, 10**10)
        world.payers = [tenancy.account(tenancy.renter, f"71{number}{each:03d}") for each in range(people)]
        world.payees = [tenancy.account(tenancy.landlord, f"72{number}{each:03d}") for each in range(people)]
        return world

    @property
    def bank(self) -> str:
        return str(self.stack.stack["bank"])

    @property
    def operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.stack.stack['admin_key']}"}

    def pay(self, payments: int) -> None:
        """Order payments on every rail, whose amounts, days and parties are often alike."""
        chance = random.Random(SEED)
        amounts_minor = [100_000 + 50_00 * chance.randrange(40) for _ in range(payments)]
        for begin in range(0, payments, BATCH):
            orders = [self._order(n, amounts_minor[n]) for n in range(begin, min(begin + BATCH, payments))]
            answer = self._send(orders)
            results = answer.json()["results"]
            assert {each["status"] for each in results} <= {200, 201, 202}
            self.ids |= {
                each["payment"]["id"]: amount_minor
                for each, amount_minor in zip(results, amounts_minor[begin : begin + BATCH], strict=True)
            }

    def wait_until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.wait_s_max
        while not is_so():
            assert time.monotonic() < deadline, what
            time.sleep(POLL_S)

    def with_status(self, status: Status) -> set[str]:
        """Return the payments that have a status by the views."""
        rows = self.rows("SELECT payment_id FROM analytics.payments WHERE tenant_id = %s AND status = %s", status.value)
        return {str(found) for (found,) in rows} & self.ids.keys()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query over the tenant's rows finds; the tenant is its first value."""
        with psycopg.connect(self.stack.stack["analyst"]) as connection:
            return connection.execute(query, (self.tenancy.tenant_id, *values)).fetchall()

    def transfers(self) -> dict[str, Transfer]:
        """Return the transfers of these payments by the bank's own books, with what it did wrong."""
        wrong = {each["reference"]: each for each in self._pages("/faults/transfers", "transfers")}
        found = {}
        for each in self._pages("/books?totals=no", "transfers"):
            paid = Reference.parse(each["reference"]).payment_id
            if paid in self.ids:
                fault = wrong.get(each["reference"], {})
                found[paid] = Transfer(
                    payment_id=paid,
                    payer=account_name(each["debit_account"]),
                    payee=account_name(each["credit_account"]),
                    amount_minor=each["amount_minor"],
                    booked_minor=fault.get("booked_minor", each["amount_minor"]),
                    is_dropped=bool(fault.get("is_dropped")),
                    is_doubled=bool(fault.get("is_doubled")),
                )
        return found

    def bank_balances(self) -> dict[str, int]:
        accounts = self._pages("/books?totals=no&limit=1000", "accounts", "accounts_after", "accounts_next")
        return {account_name(each["account_id"]): each["balance_minor"] for each in accounts}

    def ledger_balances(self) -> dict[str, int]:
        """Return what our ledger says that accounts have, in cents, by their ids here."""
        rows = self.rows("SELECT account, balance FROM analytics.account_balances WHERE tenant_id = %s")
        return {account.removeprefix("bank_account:"): int(balance * 100) for account, balance in rows}

    def events(self, *types: str) -> int:
        query = "SELECT count(*) FROM analytics.payment_events WHERE tenant_id = %s AND event_type = ANY(%s)"
        return int(self.rows(query, list(types))[0][0])

    def statements(self, form: str) -> list[bytes]:
        """Return the bank's statements of today and yesterday, as far as it booked anything."""
        today = eastern(time.time_ns() // 1000).date()
        answers = [
            httpx.get(f"{self.bank}/statements", params={"date": day.isoformat(), "format": form}, timeout=120)
            for day in (today - timedelta(days=1), today)
        ]
        assert {each.status_code for each in answers} <= {200, 404}
        return [each.content for each in answers if each.status_code == 200]

    def take(self, data: bytes) -> httpx.Response:
        """Hand a statement over HTTP until it is compared to its end: what ends meanwhile is begun again."""
        deadline = time.monotonic() + self.wait_s_max
        while True:
            url = self.stack.stack["http"] + STATEMENTS
            answer = httpx.post(url, content=data, headers=self.operator, timeout=60)
            if answer.status_code in (200, 201):
                return answer
            assert answer.status_code in (202, 503), answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)

    def items(self) -> list[dict[str, Any]]:
        """Return what was found of these payments and is more than matched."""
        return self._items_of()

    def matched(self) -> list[dict[str, Any]]:
        return self._items_of(state=Verdict.MATCHED.value)

    def _items_of(self, **query: str) -> list[dict[str, Any]]:
        with httpx.Client(base_url=self.stack.stack["http"], headers=self.operator, timeout=60) as client:
            found = all_items(client, **query)
        return [item for item in found if item["payment"] is not None and item["payment"]["id"] in self.ids]

    def hear_everything(self) -> None:
        """Return when the gateway has told all that the bank's feed has by now, and the views have it."""
        # One behind it on each partition: the feed is told in its order.
        keys: dict[int, str] = {}
        while len(keys) < PARTITIONS:
            key = uuid.uuid4().hex
            keys.setdefault(partition_of(payment_key(self.tenancy.tenant_id, key), PARTITIONS), key)
        for key in keys.values():
            assert self.tenancy.pay(key).status_code in (201, 202)
        for key in keys.values():
            self.tenancy.wait_for(payment_id(self.tenancy.tenant_id, key), "completed", within_s=self.wait_s_max)

    def _send(self, orders: list[dict[str, Any]]) -> httpx.Response:
        """Order, and where the answer is 503 (the outcome is unknown) again with the same keys."""
        deadline = time.monotonic() + self.wait_s_max
        while True:
            answer = self.tenancy.http.post("/api/v1/payments/batch", json=orders, timeout=60)
            if answer.status_code == 200:
                return answer
            assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)

    def _order(self, number: int, amount_minor: int) -> dict[str, Any]:
        return self.tenancy.body(
            f"rent-{number}",
            payer_account_id=self.payers[number % len(self.payers)],
            payee_account_id=self.payees[number // 2 % len(self.payees)],
            amount=f"{amount_minor // 100}.{amount_minor % 100:02d}",
            payment_rail_type=list(RAILS)[number % len(RAILS)],
        )

    def _pages(self, path: str, name: str, after: str = "after", following: str = "next") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 1000}
        while True:
            page = httpx.get(self.bank + path, params=httpx.QueryParams(path.partition("?")[2]).merge(params)).json()
            found += page[name]
            if page[following] is None:
                return found
            params[after] = page[following]


@contextmanager
def errs(bank: str, **shares: float) -> Iterator[None]:
    """Have the bank do this wrong to what it takes meanwhile."""
    url = f"{bank}/faults/rates"
    assert httpx.put(url, json={"seed": SEED, **shares}).status_code == 200
    try:
        yield
    finally:
        assert httpx.put(url, json={}).status_code == 200
