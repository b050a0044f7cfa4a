"""The guided tour: rent paid from POST to history on a running stack, each step shown and verified.

It follows the demo of the document that the product started from (problem, test data, the star feature, idempotency,
history), then shows what the three kinds of people who live off DirectPay see: a producer, a subscriber, an analyst.
"""

from __future__ import annotations

import json
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
import httpx
import psycopg
from confluent_kafka import Consumer, TopicPartition

OUTCOME_WAIT_S_MAX = 30.0  # Far longer than the slowest rail at the demo's speed; a stuck payment should end the tour.
POLL_S = 0.1
SUBSCRIBER_WAIT_S_MAX = 15.0

# Real routing numbers' check digits are verified, so these are (public) ones that pass.
ALICE_BANK = ("231380104", "4400128875")
BOB_BANK = ("121042882", "9876543210")
NO_MONEY_ACCOUNT = "10001"  # At the simulated bank 100NN answers with return code RNN: R01 is insufficient funds.


class TourFailed(Exception):
    """A step did not do what the tour says; the message names the step and what came instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the stack answers (the parts of stack.json that the tour uses)."""

    http: str
    kafka: str
    analyst: str
    api_key: str
    rail_speed: float


class Tour:
    """One run of the walkthrough; `say` receives each line that it prints."""

    def __init__(self, places: Places, say: Callable[[str], None]) -> None:
        self._places = places
        self._say = say
        self._http = httpx.Client(
            base_url=places.http, headers={"Authorization": f"Bearer {places.api_key}"}, timeout=10.0
        )
        # A fresh word in every e-mail and key, so that the tour can be taken again on the same stack.
        self._run = uuid.uuid4().hex[:6]

    def walk(self) -> None:
        """Take every step; raises TourFailed at the first that does not hold."""
        accounts = self._set_the_table()
        rent = self._pay_the_rent(*accounts)
        self._pay_it_again(rent)
        self._read_its_history(rent)
        self._change_its_body(rent)
        failed = self._fail_a_payment(*accounts)
        paid = self._use_every_rail(*accounts)
        cancelled = self._cancel_one(*accounts)
        everything = [rent["id"], failed, *paid, cancelled]
        self._subscribe(everything)
        self._analyse(everything)

    def _set_the_table(self) -> tuple[str, str, str]:
        self._chapter("1. A landlord, a renter, two bank accounts, a property, a lease")
        alice = self._create("users", email=self._email("alice", "landlord.com"), password="correct horse", role="landlord")  # fmt: skip
        bob = self._create("users", email=self._email("bob", "renter.com"), password="battery staple", role="renter")
        self._tell("Account numbers are sealed before they leave the API: what comes back is a token and four digits.")
        payee = self._account(alice["id"], "Alice Landlord", *ALICE_BANK)
        payer = self._account(bob["id"], "Bob Renter", *BOB_BANK)
        home = self._create("properties", owner_id=alice["id"], address="123 Oak Street")
        lease = self._create(
            "leases", property_id=home["id"], renter_id=bob["id"], rent_amount="1500.00", due_day=1, start_date="2025-02-15"
        )  # fmt: skip
        due = lease["payment_schedule"]["next_due_date"]
        self._expect("the first rent of a lease from 15 February, due on the 1st, falls on 1 March", due, "2025-03-01")
        return lease["id"], payer["id"], payee["id"]

    def _pay_the_rent(self, lease_id: str, payer: str, payee: str) -> dict[str, Any]:
        self._chapter("2. The rent: $1500 from Bob (the renter) to Alice (the landlord)")
        self._body = {
            "idempotency_key": f"payment-march-001-{self._run}",
            "lease_id": lease_id,
            "payer_account_id": payer,
            "payee_account_id": payee,
            "amount": 1500.00,
            "payment_rail_type": "standard_ach",
        }
        answer = self._post("/api/v1/payments/", self._body, expect=201)
        self._first_answer = answer.content
        payment: dict[str, Any] = answer.json()
        self._expect("it is accepted, not yet paid: banks take their time", payment["status"], "pending")
        return payment

    def _pay_it_again(self, rent: dict[str, Any]) -> None:
        self._chapter("3. The same request again: the button was clicked twice")
        answer = self._post("/api/v1/payments/", self._body, expect=200)
        self._expect("the very same bytes come back", answer.content == self._first_answer, True)
        self._expect("and say that they are a replay", answer.headers.get("Idempotency-Replayed"), "true")
        listed = self._get(f"/api/v1/payments/?idempotency_key={self._body['idempotency_key']}", quiet=True)
        self._expect("one payment stands under the key", [item["id"] for item in listed["items"]], [rent["id"]])

    def _read_its_history(self, rent: dict[str, Any]) -> None:
        speed = self._places.rail_speed
        self._chapter(f"4. Its history, once the bank has settled it (standard ACH: 2 to 3 minutes; here {speed:g} times faster)")  # fmt: skip
        self._wait_for(rent["id"], "completed")
        history = self._get(f"/api/v1/payments/{rent['id']}/history")
        steps = [(event["previous_status"], event["new_status"]) for event in history["events"]]
        expected = [(None, "pending"), ("pending", "processing"), ("processing", "completed")]
        self._expect("every change of state is there, in order", steps, expected)
        times = [datetime.fromisoformat(event["timestamp"]) for event in history["events"]]
        self._expect("with increasing times", times == sorted(set(times)), True)
        took = (times[-1] - times[0]).total_seconds()
        self._expect(f"within the rail's range ({took:.2f} s)", 120 / speed <= took <= 180 / speed, True)
        frozen = {"amount", "payer_account", "payee_account", "rail"}
        self._expect(
            "each with its data as it was then", all(frozen <= event["metadata"].keys() for event in history["events"]), True
        )  # fmt: skip

    def _change_its_body(self, rent: dict[str, Any]) -> None:
        self._chapter("5. The same key with another amount: refused, and nothing changed")
        self._post("/api/v1/payments/", self._body | {"amount": "1600.00"}, expect=422)
        now = self._get(f"/api/v1/payments/{rent['id']}", quiet=True)
        self._expect("the payment is still one of 1500.00", now["amount"], "1500.00")

    def _fail_a_payment(self, lease_id: str, _payer: str, payee: str) -> str:
        self._chapter("6. A payment that fails: the renter's account has no money")
        carol = self._create("users", email=self._email("carol", "renter.com"), password="staple", role="renter")
        empty = self._account(carol["id"], "Carol Renter", BOB_BANK[0], NO_MONEY_ACCOUNT)
        payment_id = self._pay(lease_id, empty["id"], payee, "same_day_ach", "no-money", quiet=False)
        payment = self._wait_for(payment_id, "failed")
        self._show(payment)
        self._expect("the bank's own code says why", payment["failure"]["code"], "R01")
        return payment_id

    def _use_every_rail(self, lease_id: str, payer: str, payee: str) -> list[str]:
        self._chapter("7. One payment on each rail")
        rails = ("instant", "wire", "same_day_ach", "standard_ach")
        ids = [self._pay(lease_id, payer, payee, rail, f"rail-{rail}") for rail in rails]
        for rail, payment_id in zip(rails, ids, strict=True):
            self._wait_for(payment_id, "completed")
            events = self._get(f"/api/v1/payments/{payment_id}/history", quiet=True)["events"]
            started, ended = (datetime.fromisoformat(events[i]["timestamp"]) for i in (0, -1))
            self._say(f"   {rail:<14} completed after {(ended - started).total_seconds():6.3f} s")
        return ids

    def _cancel_one(self, lease_id: str, payer: str, payee: str) -> str:
        self._chapter("8. A payment that is cancelled before any bank has seen it")
        body = self._payment_body(lease_id, payer, payee, "standard_ach", "cancel-me") | {"effective_date": "2199-01-01"}
        payment_id: str = self._post("/api/v1/payments/", body, expect=201).json()["id"]
        cancel = self._http.post(
            f"/api/v1/payments/{payment_id}/cancel", headers={"Idempotency-Key": f"cancel-{self._run}"}
        )
        self._say(f"   POST /api/v1/payments/{payment_id}/cancel -> {cancel.status_code}")
        self._expect("it is cancelled", (cancel.status_code, cancel.json().get("status")), (200, "cancelled"))
        return payment_id

    def _subscribe(self, payment_ids: list[str]) -> None:
        self._chapter("9. What a subscriber of the topic payment-events sees (Kafka, Avro, schemas over HTTP)")
        seen: dict[str, list[str]] = {}
        for payment_id, event_type, transitions in self._events(set(payment_ids)):
            history = seen.setdefault(payment_id, [])
            history.append(event_type)
            self._expect(None, [step["event_type"] for step in transitions], history)
        for payment_id in payment_ids:
            self._say(f"   {payment_id}  {' -> '.join(seen.get(payment_id, ['nothing']))}")
        self._expect("every transition of every payment, once and in order, each with its whole history", len(seen), len(payment_ids))  # fmt: skip

    def _events(self, wanted: set[str]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
        """Yield the events of the wanted payments from the beginning of the topic to its present end."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._places.kafka,
                "group.id": f"walkthrough-{self._run}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            partitions = consumer.list_topics("payment-events", timeout=10).topics["payment-events"].partitions
            consumer.assign([TopicPartition("payment-events", number, 0) for number in partitions])
            ended: set[int] = set()
            deadline = time.monotonic() + SUBSCRIBER_WAIT_S_MAX
            while len(ended) < len(partitions):
                if time.monotonic() > deadline:
                    raise TourFailed(f"the end of payment-events was not reached in {SUBSCRIBER_WAIT_S_MAX:g} s")
                message = consumer.poll(POLL_S)
                if message is None:
                    continue
                if message.error() is not None:
                    # The only "error" that reading to the end meets on a healthy broker: the end itself.
                    ended.add(message.partition())
                elif (message.key() or b"").decode() in wanted:
                    event = self._decode(message.value() or b"")
                    yield event["payment_id"], event["transitions"][-1]["event_type"], event["transitions"]
        finally:
            consumer.close()

    def _decode(self, value: bytes) -> dict[str, Any]:
        """Decode as anybody would: five bytes of Confluent framing name a schema that the API serves."""
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0
        if not hasattr(self, "_schemas"):
            self._schemas: dict[int, Any] = {}
        if schema_id not in self._schemas:
            answer = httpx.get(f"{self._places.http}/schemas/ids/{schema_id}", timeout=10.0).raise_for_status()
            self._schemas[schema_id] = fastavro.parse_schema(json.loads(answer.json()["schema"]))
        record = fastavro.schemaless_reader(BytesIO(value[5:]), self._schemas[schema_id], None)
        assert isinstance(record, dict)
        return record

    def _analyse(self, payment_ids: list[str]) -> None:
        self._chapter("10. What an analyst sees (SQL, read only)")
        with psycopg.connect(self._places.analyst, connect_timeout=10) as connection:
            self._query(connection, PAYMENTS_SQL, payment_ids)
            rows = self._query(connection, BALANCE_SQL, payment_ids)
            self._expect("the books balance: debits equal credits", rows[0][0] == rows[0][1] > 0, True)

    def _query(self, connection: psycopg.Connection, sql: str, payment_ids: list[str]) -> list[tuple[Any, ...]]:
        self._say(f"   {sql}")
        cursor = connection.execute(sql.encode(), {"ids": payment_ids})
        rows = cursor.fetchall()
        columns = [column.name for column in cursor.description or ()]
        table = [columns, *([str(value) for value in row] for row in rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
        for row in table:
            self._say("      " + "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())
        return rows

    def _email(self, name: str, domain: str) -> str:
        return f"{name}+{self._run}@{domain}"

    def _account(self, user_id: str, holder: str, routing_number: str, account_number: str) -> dict[str, Any]:
        return self._create(
            "bank-accounts", user_id=user_id, account_holder_name=holder, routing_number=routing_number,
            account_number=account_number, account_type="checking",
        )  # fmt: skip

    def _create(self, things: str, **body: Any) -> dict[str, Any]:
        created: dict[str, Any] = self._post(f"/api/v1/{things}/", body, expect=201).json()
        return created

    def _payment_body(self, lease_id: str, payer: str, payee: str, rail: str, word: str) -> dict[str, Any]:
        return {
            "idempotency_key": f"{word}-{self._run}",
            "lease_id": lease_id,
            "payer_account_id": payer,
            "payee_account_id": payee,
            "amount": "25.00",
            "payment_rail_type": rail,
        }

    def _pay(self, lease_id: str, payer: str, payee: str, rail: str, word: str, *, quiet: bool = True) -> str:
        body = self._payment_body(lease_id, payer, payee, rail, word)
        payment_id: str = self._post("/api/v1/payments/", body, expect=201, quiet=quiet).json()["id"]
        return payment_id

    def _post(self, path: str, body: dict[str, Any], *, expect: int, quiet: bool = False) -> httpx.Response:
        answer = self._http.post(path, json=body)
        if not quiet:
            hidden = {"password", "account_number"}
            self._say(f"   POST {path}")
            self._show({name: "(not shown)" if name in hidden else value for name, value in body.items()}, "   >")
            self._say(f"   {answer.status_code} {answer.reason_phrase}")
            self._show(answer.json(), "   <")
        if answer.status_code != expect:
            raise TourFailed(f"POST {path} answered {answer.status_code}, not {expect}: {answer.text}")
        return answer

    def _get(self, path: str, *, quiet: bool = False) -> Any:
        answer = self._http.get(path)
        if answer.status_code != 200:
            raise TourFailed(f"GET {path} answered {answer.status_code}, not 200: {answer.text}")
        if not quiet:
            self._say(f"   GET {path}")
            self._show(answer.json(), "   <")
        return answer.json()

    def _wait_for(self, payment_id: str, status: str) -> dict[str, Any]:
        deadline = time.monotonic() + OUTCOME_WAIT_S_MAX
        while True:
            payment: dict[str, Any] = self._get(f"/api/v1/payments/{payment_id}", quiet=True)
            if payment["status"] == status:
                return payment
            if time.monotonic() > deadline:
                found = payment["status"]
                raise TourFailed(f"payment {payment_id} is {found}, not {status}, after {OUTCOME_WAIT_S_MAX:g} s")
            time.sleep(POLL_S)

    def _chapter(self, title: str) -> None:
        self._say(f"\n{title}\n")

    def _tell(self, text: str) -> None:
        self._say(f"   {text}")

    def _show(self, value: Any, prefix: str = "   <") -> None:
        for line in json.dumps(value, indent=2).splitlines():
            self._say(f"{prefix} {line}")

    def _expect(self, claim: str | None, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise TourFailed(f"{claim or 'the tour'}: expected {wanted!r}, found {found!r}")
        if claim is not None:
            self._say(f"   ok: {claim}")


PAYMENTS_SQL = """SELECT payment_rail_type, status, failure_code, count(*), sum(amount) AS amount
     FROM analytics.payments WHERE payment_id = ANY(%(ids)s::uuid[]) GROUP BY 1, 2, 3 ORDER BY 1, 2"""
BALANCE_SQL = """SELECT sum(amount) FILTER (WHERE direction = 'debit') AS debits,
          sum(amount) FILTER (WHERE direction = 'credit') AS credits
     FROM analytics.ledger_entries WHERE payment_id = ANY(%(ids)s::uuid[])"""
