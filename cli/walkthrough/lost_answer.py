"""The tour's last chapters: a bank settles and nobody hears of it, until its statement is compared with the payments.

They need a bank whose clock runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx

from cli.reconcile import told
from cli.walkthrough.bank import TourBank
from cli.walkthrough.conversation import Conversation
from cli.walkthrough.places import Places
from payments.rails import Rail
from rails.bank import Reference, Standing

# At the simulated bank 30004 settles, and only a statement tells.
SILENT_BANK = ("231380104", "30004")
PAYEE_BANK = ("121042882", "9876543212")
AMOUNT = "1450.00"
STATEMENTS, REPAIRED = "/api/v1/reconciliation/statements", "/api/v1/reconciliation/items?state=repaired"


def walk_lost_answer(places: Places, say: Callable[[str], None]) -> None:
    """Take every step; raises TourFailed at the first that does not hold."""
    # A bank's file has everybody's accounts in it, so it is the operator's.
    with (
        closing(Conversation(places.http, places.api_key, say)) as talk,
        closing(Conversation(places.http, places.admin_key, say)) as operator,
        closing(TourBank(places.bank, say)) as bank,
    ):
        LostAnswer(talk, operator, bank).walk()


class LostAnswer:
    """One run of these chapters, on the day that the bank's clock shows."""

    def __init__(self, talk: Conversation, operator: Conversation, bank: TourBank) -> None:
        self._talk = talk
        self._operator = operator
        self._bank = bank
        self._run = uuid.uuid4().hex[:6]
        self._day = self._bank.now().date()

    def walk(self) -> None:
        payment_id, statement = self._lose()
        answer = self._repair(payment_id, statement)
        self._import_again(payment_id, statement, answer)

    def _lose(self) -> tuple[str, bytes]:
        talk = self._talk
        talk.chapter("15. The bank settles a payment, and its answer is lost")
        talk.say("   The simulated bank does so when the payer's account number is 30004.")
        payment_id = self._pay()
        talk.wait_for(payment_id, "processing")
        reference = str(Reference(payment_id=payment_id, attempt=1))
        talk.say("   The money has moved, as the bank's statement of the day says:")
        statement = self._bank.wait_for_booking(self._day, reference)
        standing = self._bank.standing(reference)
        talk.expect("but the bank cannot say so to whoever asks", standing, Standing.UNCLEAR.value)
        status = talk.get(f"/api/v1/payments/{payment_id}", quiet=True)["status"]
        talk.expect("so the payment waits", status, "processing")
        return payment_id, statement

    def _pay(self) -> str:
        talk = self._talk
        body: dict[str, Any] = {
            "payer_account_id": talk.holder("grace", "renter", SILENT_BANK, self._run),
            "payee_account_id": talk.holder("heidi", "landlord", PAYEE_BANK, self._run),
            "amount": AMOUNT,
            "payment_rail_type": Rail.INSTANT.value,
        }
        payment_id: str = talk.post("/api/v1/payments/", body, wanted=201, key=f"lost-{self._run}").json()["id"]
        return payment_id

    def _repair(self, payment_id: str, statement: bytes) -> httpx.Response:
        talk = self._talk
        talk.chapter("16. The statement is compared with the payments, and the lost answer is made good")
        talk.say("   With the operator's key; `directpay reconcile FILE` does the same, and prints these lines.")
        answer = self._import(statement, "csv", wanted=201)
        talk.expect("one payment is repaired", answer.json()["repaired"], 1)
        items = self._operator.get(REPAIRED, quiet=True)["items"]
        found = [item for item in items if item["payment"]["id"] == payment_id]
        talk.say(f"   GET {REPAIRED}")
        for item in found:
            talk.show(item)
        talk.expect("it is found once, on the payee's account", [it["payment"]["side"] for it in found], ["payee"])
        talk.wait_for(payment_id, "completed")
        events = self._history(payment_id)
        talk.say(f"   GET /api/v1/payments/{payment_id}/history (its last event)")
        talk.show(events[-1])
        statuses = [event["new_status"] for event in events]
        talk.expect("the payment is completed", statuses, ["pending", "processing", "completed"])
        told_by = events[-1]["metadata"]["bank_reference"], events[-1]["timestamp"]
        talk.expect(
            "by that booking, when it was found", told_by, (found[0]["statement"]["reference"], found[0]["found_at"])
        )
        return answer

    def _import_again(self, payment_id: str, statement: bytes, answer: httpx.Response) -> None:
        talk = self._talk
        talk.chapter("17. The same again, and the daily proof")
        before = self._history(payment_id)
        again = self._import(statement, "csv", wanted=200)
        talk.expect("the same file has the same answer", again.content == answer.content, True)
        talk.say("   The day once more, as the bank's camt.053 file: other bytes, the same bookings.")
        day = self._import(self._bank.statement(self._day, "camt.053"), "xml", wanted=201).json()
        talk.expect("every booking of it is known, and none repaired", day["known"], day["bookings"])
        talk.expect("the payment's history is as it was", self._history(payment_id), before)
        talk.expect("every balance of the day follows from our ledger, to the cent", _left(day), [])

    def _import(self, statement: bytes, form: str, *, wanted: int) -> httpx.Response:
        name = f"{self._day}.{form}"
        answer = self._operator.upload(f"{STATEMENTS}?name={name}", statement, wanted=wanted)
        for line in told(name, answer.json(), is_replay=answer.status_code == 200).splitlines():
            self._talk.say(f"      {line}")
        return answer

    def _history(self, payment_id: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self._talk.get(f"/api/v1/payments/{payment_id}/history", quiet=True)["events"]
        return events


def _left(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the accounts whose closing balance is not explained, with what is left."""
    return [(proof["account"], proof["difference"]) for proof in found["proofs"] if not proof["holds"]]
