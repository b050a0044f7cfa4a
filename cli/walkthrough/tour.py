"""The tour itself, chapter by chapter.

It follows the demo of the document that the product started from (test data, the star feature, idempotency, history),
then shows what the three kinds of people who live off DirectPay see: a producer, a subscriber, an analyst.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.walkthrough.analyst import BALANCE_SQL, PAYMENTS_SQL, ask
from cli.walkthrough.conversation import Conversation
from cli.walkthrough.places import Places
from cli.walkthrough.subscriber import events_of
from payments.rails import TIMINGS, Rail

# Public routing numbers, whose check digits are right: the API verifies them.
ALICE_BANK = ("231380104", "4400128875")
BOB_BANK = ("121042882", "9876543210")
NO_MONEY_ACCOUNT = "10001"  # At the simulated bank 100NN answers with return code RNN: R01 is insufficient funds.


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who pays whom: a lease, the renter's account, the landlord's account."""

    lease_id: str
    payer: str
    payee: str


def walk(places: Places, say: Callable[[str], None]) -> None:
    """Take every step; raises TourFailed at the first that does not hold."""
    with closing(Conversation(places.http, places.api_key, say)) as talk:
        Tour(places, talk).walk()


class Tour:
    """One run of the walkthrough."""

    def __init__(self, places: Places, talk: Conversation) -> None:
        self._places = places
        self._talk = talk
        # A fresh word in every e-mail and key, so that the tour can be taken again on the same stack.
        self._run = uuid.uuid4().hex[:6]

    def walk(self) -> None:
        parties = self._set_the_table()
        rent = self._pay_the_rent(parties)
        failed = self._fail_a_payment(parties)
        paid = self._use_every_rail(parties)
        cancelled = self._cancel_one(parties)
        everything = [rent, failed, *paid, cancelled]
        self._subscribe(everything)
        self._analyse(everything)

    def _set_the_table(self) -> Parties:
        talk = self._talk
        talk.chapter("1. A landlord, a renter, two bank accounts, a property, a lease")
        alice = self._user("alice", "landlord.com", "landlord")
        bob = self._user("bob", "renter.com", "renter")
        talk.say("   Account numbers are sealed before they leave the API: what comes back is a token and four digits.")
        payee = talk.account(alice, "Alice Landlord", *ALICE_BANK)
        payer = talk.account(bob, "Bob Renter", *BOB_BANK)
        home = talk.create("properties", owner_id=alice, address="123 Oak Street")
        terms: dict[str, Any] = {"rent_amount": "1500.00", "due_day": 1, "start_date": "2025-02-15"}
        lease = talk.create("leases", property_id=home["id"], renter_id=bob, **terms)
        due = lease["payment_schedule"]["next_due_date"]
        talk.expect("a lease from 15 February with rent due on the 1st is first due on 1 March", due, "2025-03-01")
        return Parties(lease_id=lease["id"], payer=payer, payee=payee)

    def _pay_the_rent(self, parties: Parties) -> str:
        talk = self._talk
        talk.chapter("2. The rent: $1500 from Bob (the renter) to Alice (the landlord)")
        body = self._body(parties, Rail.STANDARD_ACH, "payment-march-001") | {"amount": 1500.00}
        first = talk.post("/api/v1/payments/", body, wanted=201)
        talk.expect("it is accepted, not yet paid: banks take their time", first.json()["status"], "pending")
        payment_id: str = first.json()["id"]

        talk.chapter("3. The same request again: the button was clicked twice")
        again = talk.post("/api/v1/payments/", body, wanted=200)
        talk.expect("the very same bytes come back", again.content == first.content, True)
        talk.expect("and say that they are a replay", again.headers.get("Idempotency-Replayed"), "true")
        listed = talk.get(f"/api/v1/payments/?idempotency_key={body['idempotency_key']}", quiet=True)["items"]
        talk.expect("one payment stands under the key", [item["id"] for item in listed], [payment_id])

        self._read_its_history(payment_id)

        talk.chapter("5. The same key with another amount: refused, and nothing changed")
        talk.post("/api/v1/payments/", body | {"amount": "1600.00"}, wanted=422)
        amount = talk.get(f"/api/v1/payments/{payment_id}", quiet=True)["amount"]
        talk.expect("the payment is still one of 1500.00", amount, "1500.00")
        return payment_id

    def _read_its_history(self, payment_id: str) -> None:
        talk, speed = self._talk, self._places.rail_speed
        talk.chapter(f"4. Its history, once the bank has settled it (2 to 3 minutes; here {speed:g} times faster)")
        talk.wait_for(payment_id, "completed")
        events = talk.get(f"/api/v1/payments/{payment_id}/history")["events"]
        steps = [(event["previous_status"], event["new_status"]) for event in events]
        wanted = [(None, "pending"), ("pending", "processing"), ("processing", "completed")]
        talk.expect("every change of state is there, in order", steps, wanted)
        times = [datetime.fromisoformat(event["timestamp"]) for event in events]
        talk.expect("with increasing times", times, sorted(set(times)))
        took_s = (times[-1] - times[0]).total_seconds()
        timing = TIMINGS[Rail.STANDARD_ACH]
        is_in_range = timing.settle_s_min / speed <= took_s <= timing.settle_s_max / speed
        talk.expect(f"within the rail's range ({took_s:.2f} s)", is_in_range, True)
        terms = {"amount", "payer_account", "payee_account", "rail"}
        is_frozen = all(terms <= event["metadata"].keys() for event in events)
        talk.expect("each with its data as it was then", is_frozen, True)

    def _fail_a_payment(self, parties: Parties) -> str:
        talk = self._talk
        talk.chapter("6. A payment that fails: the renter's account has no money")
        carol = self._user("carol", "renter.com", "renter")
        empty = talk.account(carol, "Carol Renter", BOB_BANK[0], NO_MONEY_ACCOUNT)
        body = self._body(parties, Rail.SAME_DAY_ACH, "no-money") | {"payer_account_id": empty}
        payment_id: str = talk.post("/api/v1/payments/", body, wanted=201).json()["id"]
        payment = talk.wait_for(payment_id, "failed")
        talk.say("   some moments later:")
        talk.show(payment)
        talk.expect("the bank's own code says why", payment["failure"]["code"], "R01")
        return payment_id

    def _use_every_rail(self, parties: Parties) -> list[str]:
        talk = self._talk
        talk.chapter("7. One payment on each rail")
        made: dict[Rail, str] = {}
        for rail in Rail:
            answer = talk.post("/api/v1/payments/", self._body(parties, rail, f"rail-{rail}"), wanted=201, quiet=True)
            made[rail] = answer.json()["id"]
        for rail, payment_id in made.items():
            talk.wait_for(payment_id, "completed")
            events = talk.get(f"/api/v1/payments/{payment_id}/history", quiet=True)["events"]
            began, ended = (datetime.fromisoformat(events[place]["timestamp"]) for place in (0, -1))
            talk.say(f"   {rail:<14} completed after {(ended - began).total_seconds():6.3f} s")
        return list(made.values())

    def _cancel_one(self, parties: Parties) -> str:
        talk = self._talk
        talk.chapter("8. A payment that is cancelled before any bank has seen it")
        body = self._body(parties, Rail.STANDARD_ACH, "cancel-me") | {"effective_date": "2199-01-01"}
        payment_id: str = talk.post("/api/v1/payments/", body, wanted=201, quiet=True).json()["id"]
        cancelled = talk.post(f"/api/v1/payments/{payment_id}/cancel", None, wanted=200, key=f"cancel-{self._run}")
        talk.expect("it is cancelled", cancelled.json()["status"], "cancelled")
        return payment_id

    def _subscribe(self, payment_ids: list[str]) -> None:
        talk = self._talk
        talk.chapter("9. What a subscriber of the topic payment-events sees (Kafka, Avro, schemas over HTTP)")
        records: dict[str, list[str]] = {payment_id: [] for payment_id in payment_ids}
        histories: dict[str, list[str]] = {}
        for event in events_of(set(payment_ids), kafka=self._places.kafka, http=self._places.http):
            transitions = [transition["event_type"] for transition in event["transitions"]]
            records[event["payment_id"]].append(transitions[-1])
            histories[event["payment_id"]] = transitions
        for payment_id, seen in records.items():
            talk.say(f"   {payment_id}  {' -> '.join(seen)}")
        talk.expect("each transition is one record, and the newest record holds them all", records, histories)

    def _analyse(self, payment_ids: list[str]) -> None:
        talk = self._talk
        talk.chapter("10. What an analyst sees (SQL, read only)")
        ask(self._places.analyst, PAYMENTS_SQL, payment_ids, talk.say)
        ((debit, credit),) = ask(self._places.analyst, BALANCE_SQL, payment_ids, talk.say)
        talk.expect("the books balance: debits equal credits", debit == credit and debit > 0, True)

    def _user(self, name: str, domain: str, role: str) -> str:
        return self._talk.user(f"{name}+{self._run}@{domain}", role)

    def _body(self, parties: Parties, rail: Rail, word: str) -> dict[str, Any]:
        return {
            "idempotency_key": f"{word}-{self._run}",
            "lease_id": parties.lease_id,
            "payer_account_id": parties.payer,
            "payee_account_id": parties.payee,
            "amount": "25.00",
            "payment_rail_type": rail.value,
        }
