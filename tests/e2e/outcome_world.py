"""Payments of a table of outcomes, all POSTed at once on one stack, and what becomes of them."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from confluent_kafka import Producer

from chaos.evidence import read_rejections, read_transfers
from chaos.oracle.bank import Transfer
from payments.commands import RailReport, Report
from payments.idempotency import payment_key
from payments.money import format_amount
from payments.payment import EventType
from payments.rails import Rail
from schemas.codec import encode
from schemas.partitioning import partition_of
from schemas.topics import PARTITIONS_DEFAULT, RAIL_REPORTS
from tests.e2e.outcomes import Outcome
from tests.e2e.tenancy import POLL_S, SETTLE_WAIT_S_MAX, Tenancy, routing_number
from tests.e2e.topics import read_all
from tests.integration.rail_processes import eventually

RAIL = Rail.SAME_DAY_ACH
NEVER = "2199-01-01"
ACCOUNTS_AT_ONCE = 8
# What a suspense record leaves as it is.
STATUSES = {
    EventType.INITIATED: "pending",
    EventType.PROCESSING: "processing",
    EventType.COMPLETED: "completed",
    EventType.FAILED: "failed",
    EventType.RETURNED: "returned",
    EventType.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row's payment: its request, the first answer, and the bank of its own that both accounts are at."""

    body: dict[str, Any]
    first: httpx.Response
    amount_minor: int
    routing_number: str

    @property
    def id(self) -> str:
        answered: str = self.first.json()["id"]
        return answered


def statuses_of(outcome: Outcome) -> list[str]:
    """Return the status after each event."""
    told: list[str] = []
    for event in outcome.ending.events:
        told.append(STATUSES.get(event) or told[-1])
    return told


class World:
    """A tenant of its own on a running stack, whose payments are those of `outcomes`, by name."""

    def __init__(self, places: dict[str, Any], outcomes: Sequence[Outcome]) -> None:
        self._places = places
        self.tenancy = Tenancy.open(places)
        self.outcomes = outcomes
        with ThreadPoolExecutor(ACCOUNTS_AT_ONCE) as pool:
            bodies = list(pool.map(self._body, outcomes, itertools.count()))
        with ThreadPoolExecutor(len(outcomes)) as pool:
            answers = list(pool.map(lambda body: self.tenancy.http.post("/api/v1/payments/", json=body), bodies))
        self.asked = {
            outcome.name: Asked(
                body=body, first=first, amount_minor=_amount_minor(place), routing_number=_bank_of(place)
            )
            for place, (outcome, body, first) in enumerate(zip(outcomes, bodies, answers, strict=True))
        }
        for outcome in outcomes:
            if outcome.is_cancelled:
                assert self.tenancy.cancel(self.asked[outcome.name].id, "stop").status_code == 200
        self.unknown = [self._key_on(partition, "unknown") for partition in range(PARTITIONS_DEFAULT)]
        self.balances: dict[tuple[str, str], int] = {}
        self.transfers: dict[str, Transfer] = {}

    def wait_until_ended(self) -> None:
        for outcome in self.outcomes:
            self.tenancy.wait_for(self.asked[outcome.name].id, statuses_of(outcome)[-1])

    def tell_again(self) -> None:
        """Repeat every report on these payments, make the late ones and one on a payment that does not exist, on each
        partition, and wait until all of them are decided and projected."""
        keys = {self._key_of(asked).encode() for asked in self.asked.values()}
        told = [each for each in read_all(self._places["kafka"], RAIL_REPORTS.name) if each.key() in keys]
        assert len(told) >= len(self.outcomes), "most are claimed, and ended"
        late = [self._late(outcome) for outcome in self.outcomes if outcome.late is not None]
        unknown = [self._report(key, Report.SETTLED) for key in self.unknown]
        producer = Producer(
            {
                "bootstrap.servers": self._places["kafka"],
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
            }
        )
        for message in told:
            producer.produce(RAIL_REPORTS.name, message.value(), message.key())
        # A partition's reports are decided in their order: those on unknown payments last.
        for report in (*late, *unknown):
            producer.produce(RAIL_REPORTS.name, encode(report), report.key)
        assert producer.flush(20) == 0
        eventually(lambda: self.reasons().keys() >= set(self.unknown), SETTLE_WAIT_S_MAX, lambda: str(self.reasons()))
        # A partition's events are projected in their order: behind these there is nothing to come.
        for partition in range(PARTITIONS_DEFAULT):
            key = self._key_on(partition, "behind")
            self.tenancy.wait_for(self.tenancy.pay(key, lease_id=None, effective_date=NEVER).json()["id"], "pending")

    def post_again(self, asked: Asked) -> httpx.Response:
        """POST the same once more, until the answer says what came of it: a busy machine says 202 before."""
        deadline = time.monotonic() + SETTLE_WAIT_S_MAX
        while (answer := self.tenancy.http.post("/api/v1/payments/", json=asked.body)).status_code == 202:
            assert time.monotonic() < deadline, answer.text
            time.sleep(POLL_S)
        return answer

    def reasons(self) -> dict[str, str]:
        """Return why the last refused record of each of our idempotency keys was refused."""
        ours = f"{self.tenancy.tenant_id}:"
        refused = (each for each in read_rejections(self._places["kafka"]) if (each.key or "").startswith(ours))
        return {(each.key or "").removeprefix(ours): each.reason for each in refused}

    def read_bank(self) -> None:
        """Read the bank's books: its balances by routing number and last four digits, its transfers by payment."""
        self.balances = {
            (each["routing_number"], each["last4"]): each["balance_minor"] for each in self._accounts_at_bank()
        }
        self.transfers = {each.payment_id: each for each in read_transfers(self._places["bank"])}

    def ledger(self, of: str) -> list[tuple[int, str, str, int]]:
        """Return a payment's ledger lines: sequence, account, direction, cents."""
        with psycopg.connect(self._places["analyst"]) as connection:
            return connection.execute(
                """SELECT sequence, account, direction, (amount * 100)::bigint FROM analytics.ledger_entries
                   WHERE payment_id = %s::uuid ORDER BY sequence, line""",
                [of],
            ).fetchall()

    def _body(self, outcome: Outcome, place: int) -> dict[str, Any]:
        tenancy = self.tenancy
        return tenancy.body(
            uuid.uuid4().hex,
            lease_id=None,
            payer_account_id=tenancy.account(tenancy.renter, outcome.payer, routing=_bank_of(place)),
            payee_account_id=tenancy.account(tenancy.landlord, outcome.payee, routing=_bank_of(place)),
            amount=format_amount(_amount_minor(place)),
            payment_rail_type=RAIL.value,
            # One that is to be cancelled is claimed by nobody before.
            **({"effective_date": NEVER} if outcome.is_cancelled else {}),
        )

    def _late(self, outcome: Outcome) -> RailReport:
        asked, late = self.asked[outcome.name], outcome.late
        assert late is not None
        key = asked.body["idempotency_key"]
        return self._report(key, late.report, attempt=late.attempt, code=late.code)

    def _report(self, key: str, report: Report, *, attempt: int = 1, code: str | None = None) -> RailReport:
        return RailReport(
            tenant_id=self.tenancy.tenant_id,
            idempotency_key=key,
            attempt=attempt,
            report=report,
            occurred_at_us=time.time_ns() // 1000,
            code=code,
            bank_reference="late",
        )

    def _key_of(self, asked: Asked) -> str:
        return payment_key(self.tenancy.tenant_id, asked.body["idempotency_key"])

    def _key_on(self, partition: int, name: str) -> str:
        """Return an idempotency key whose payment is on a partition."""
        keys = (f"{name}-{number}" for number in itertools.count())
        return next(
            key
            for key in keys
            if partition_of(payment_key(self.tenancy.tenant_id, key), PARTITIONS_DEFAULT) == partition
        )

    def _accounts_at_bank(self) -> Iterator[dict[str, Any]]:
        after: int | None = 0
        while after is not None:
            wanted: dict[str, Any] = {"accounts_after": after, "limit": 1000, "totals": "no"}
            page = httpx.get(f"{self._places['bank']}/books", params=wanted, timeout=20).json()
            yield from page["accounts"]
            after = page["accounts_next"]


def _amount_minor(place: int) -> int:
    """Each row has an amount of its own, so that none is taken for another's."""
    return 100_000 + 101 * place


def _bank_of(place: int) -> str:
    """Each row has a bank of its own, so that test account numbers can be used again."""
    return routing_number(f"{21_000_000 + place}")
