"""The tour's chapter on webhooks: a landlord's own system is told of a payment, and verifies who tells it.

It follows those by files, which leave the bank's clock standing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

from cli.walkthrough.bank import TourBank
from cli.walkthrough.conversation import Conversation
from cli.walkthrough.places import Places
from cli.walkthrough.receiver import Arrival, TourReceiver
from payments.payment import EventType
from payments.rails import Rail

PAYER_BANK = ("231380104", "4400128876")
PAYEE_BANK = ("121042882", "9876543211")
AMOUNT, FORGED_AMOUNT = "1500.00", "9500.00"
COMPLETED = 3  # The number of that event: it was initiated and processing before.
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def walk_webhook(places: Places, say: Callable[[str], None]) -> None:
    """Take every step; raises TourFailed at the first that does not hold."""
    with closing(Conversation(places.http, places.api_key, say)) as talk, closing(TourBank(places.bank, say)) as bank:
        ToldByWebhook(talk, bank).walk()


class ToldByWebhook:
    """One run of this chapter, with a receiver of its own."""

    def __init__(self, talk: Conversation, bank: TourBank) -> None:
        self._talk = talk
        self._bank = bank
        self._run = uuid.uuid4().hex[:6]

    def walk(self) -> None:
        self._talk.chapter("14. A webhook: a landlord's own system is told of a payment, and verifies who tells it")
        with TourReceiver() as receiver:
            self._talk.say(
                f"   A receiver listens on this machine, at {receiver.url}. By default webhooks go to public\n"
                "   addresses only: this stack was started with DIRECTPAY_WEBHOOKS_ALLOW_PRIVATE=true to allow it."
            )
            receiver.secret = self._register(receiver.url)
            payment_id = self._pay()
            self._check(receiver, receiver.wait(), payment_id)

    def _register(self, url: str) -> str:
        """Have the receiver told of payments that complete, and return the secret that signs."""
        body = {"url": url, "events": [EventType.COMPLETED.value]}
        answer = self._talk.post("/api/v1/webhook-endpoints/", body, wanted=201, key=f"hook-{self._run}")
        secret: str = answer.json()["secret"]
        return secret

    def _pay(self) -> str:
        talk = self._talk
        talk.say("   The bank's clock goes on by itself from here, and a payment takes a moment:")
        self._bank.let_clock_run()
        body: dict[str, Any] = {
            "payer_account_id": talk.holder("erin", "renter", PAYER_BANK, self._run),
            "payee_account_id": talk.holder("frank", "landlord", PAYEE_BANK, self._run),
            "amount": AMOUNT,
            "payment_rail_type": Rail.INSTANT.value,
        }
        payment_id: str = talk.post("/api/v1/payments/", body, wanted=201, key=f"hook-paid-{self._run}").json()["id"]
        return payment_id

    def _check(self, receiver: TourReceiver, arrival: Arrival, payment_id: str) -> None:
        talk = self._talk
        talk.say("   What came to the receiver:")
        for name in HEADERS:
            talk.say(f"      {name}: {arrival.headers.get(name)}")
        talk.show(json.loads(arrival.body), "     ")
        talk.expect("its signature verifies, by the package standardwebhooks", arrival.fault, None)
        forged = arrival.body.replace(AMOUNT.encode(), FORGED_AMOUNT.encode())
        talk.expect("with another amount it does not", receiver.fault(arrival.headers, forged) is None, False)
        event_id = f"{payment_id}:{COMPLETED}"
        talk.expect("it is the payment's third event", arrival.headers.get("webhook-id"), event_id)
        payment = talk.wait_for(payment_id, "completed")
        talk.expect("and tells what GET tells", json.loads(arrival.body)["data"]["payment"], payment)
