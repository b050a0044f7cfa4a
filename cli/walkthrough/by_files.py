"""The tour on a stack whose ACH goes by files: a payment leaves in one, arrives, and comes back days later.

The tour sets the bank's clock, so that the days take seconds.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any

from cli.walkthrough.analyst import LEDGER_SQL, ask
from cli.walkthrough.bank import TourBank
from cli.walkthrough.conversation import Conversation
from cli.walkthrough.places import Places
from payments.calendar import add_banking_days, next_banking_day
from payments.rails import Rail
from payments.windows import EASTERN
from rails.bank import Reference
from rails.nacha.addenda import PaymentInformation
from rails.nacha.codes import TransactionCode
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import Fault
from rails.nacha.reader import examine, read_file
from rails.nacha.return_addenda import Return
from rails.nacha.return_codes import RETURN_BANKING_DAYS_MAX

# At the simulated bank 200NN settles, and comes back with RNN on the last day that the rules allow.
RETURNING_BANK = ("231380104", "20001")
PAYEE_BANK = ("121042882", "9876500321")
AMOUNT, AMOUNT_MINOR = "1500.00", 150_000
COMPLETED = 3  # The number of that transition: it was initiated and processing before.


def walk_by_files(places: Places, say: Callable[[str], None]) -> None:
    """Take every step; raises TourFailed at the first that does not hold."""
    with closing(Conversation(places.http, places.api_key, say)) as talk, closing(TourBank(places.bank, say)) as bank:
        ByFiles(places, talk, bank).walk()


class ByFiles:
    """One run of these chapters, on the banking day after the one that the bank's clock shows."""

    def __init__(self, places: Places, talk: Conversation, bank: TourBank) -> None:
        self._places = places
        self._talk = talk
        self._bank = bank
        self._run = uuid.uuid4().hex[:6]
        self._day = next_banking_day(self._bank.now().date())

    def walk(self) -> None:
        payment_id, debit = self._leave()
        self._arrive(payment_id)
        self._come_back(payment_id, debit)

    def _leave(self) -> tuple[str, EntryDetail]:
        talk = self._talk
        talk.chapter("11. An ACH payment leaves in a bank's file (the stack was started with --ach files)")
        talk.say(
            f"   It is {self._day:%A} morning at the bank, Eastern time. What is handed in by 10:30 settles at 13:00:\n"
            "   five minutes before, the originator writes a file of all payments that wait."
        )
        self._bank.set_clock(_at(self._day, 9, 0))
        payment_id = self._pay()
        self._bank.set_clock(_at(self._day, 10, 25))
        file = self._bank.wait_for_file("in", 1)
        talk.say("   (94 characters a line; 627 debits a checking account; cents stand behind the account number)")
        entry = self._only_entry(file)
        talk.expect("it debits the renter's account", entry.transaction_code, TransactionCode.CHECKING_DEBIT)
        talk.expect("with the amount of the payment", entry.amount_minor, AMOUNT_MINOR)
        reference = str(Reference(payment_id=payment_id, attempt=1))
        named = PaymentInformation(payment_related_information=reference)
        talk.expect(f"and names the payment: {reference}", entry.addenda, named)
        return payment_id, entry

    def _pay(self) -> str:
        talk = self._talk
        payer = talk.holder("dan", "renter", RETURNING_BANK, self._run)
        payee = talk.holder("alice", "landlord", PAYEE_BANK, self._run)
        body = {"payer_account_id": payer, "payee_account_id": payee, "amount": AMOUNT}
        body["payment_rail_type"] = Rail.SAME_DAY_ACH.value
        payment = talk.post("/api/v1/payments/", body, wanted=201, key=f"by-file-{self._run}").json()
        expected_at = datetime.fromisoformat(payment["expected_settlement_at"])
        talk.expect("it is expected at 17:00, by bank hours", expected_at, _at(self._day, 17, 0))
        payment_id: str = payment["id"]
        return payment_id

    def _arrive(self, payment_id: str) -> None:
        talk = self._talk
        talk.chapter("12. It arrives: what has settled at 13:00 is passed on by the file for 14:45")
        self._bank.set_clock(_at(self._day, 14, 40))
        entry = self._only_entry(self._bank.wait_for_file("in", 2))
        talk.expect("it credits the landlord's account", entry.transaction_code, TransactionCode.CHECKING_CREDIT)
        talk.expect("with the same amount", entry.amount_minor, AMOUNT_MINOR)
        self._bank.set_clock(_at(self._day, 17, 0))
        talk.wait_for(payment_id, "completed")
        events = talk.get(f"/api/v1/payments/{payment_id}/history", quiet=True)["events"]
        completed_at = datetime.fromisoformat(events[-1]["timestamp"])
        talk.expect("the payment completed when the credit settled, at 17:00", completed_at, _at(self._day, 17, 0))

    def _come_back(self, payment_id: str, debit: EntryDetail) -> None:
        talk = self._talk
        back_on = add_banking_days(self._day, RETURN_BANKING_DAYS_MAX)
        talk.chapter(f"13. It comes back: on {back_on:%A}, two banking days later, the renter's bank returns the debit")
        self._bank.set_clock(_at(back_on, 8, 30))
        entry = self._only_entry(self._bank.wait_for_file("out", 1))
        assert isinstance(entry.addenda, Return)
        talk.expect("the bank's file says why: R01, insufficient funds", entry.addenda.return_reason_code, "R01")
        trace_number = entry.addenda.original_trace_number
        talk.expect(f"and of which entry: trace number {trace_number}", trace_number, debit.trace_number)
        payment = talk.wait_for(payment_id, "returned")
        talk.expect("the payment has the bank's code", payment["failure"]["code"], "R01")
        events = talk.get(f"/api/v1/payments/{payment_id}/history")["events"]
        statuses = [event["new_status"] for event in events]
        wanted = ["pending", "processing", "completed", "returned"]
        talk.expect("its history tells it all: first completed, then returned", statuses, wanted)
        self._read_the_ledger(payment_id, payment["payer_account_id"], payment["payee_account_id"])

    def _read_the_ledger(self, payment_id: str, payer: str, payee: str) -> None:
        talk = self._talk
        lines = ask(self._places.analyst, LEDGER_SQL, [payment_id], talk.say)
        moved = {f"bank_account:{payer}": -Decimal(AMOUNT), f"bank_account:{payee}": Decimal(AMOUNT)}
        talk.expect("when it had completed, the landlord had the renter's money", _held(lines, until=COMPLETED), moved)
        talk.expect("now every account is where it began", _held(lines, until=COMPLETED + 1), {})

    def _only_entry(self, file: bytes) -> EntryDetail:
        """Return the one entry of a file, which must keep every rule."""
        faults = [str(each) for each in examine(BytesIO(file)) if isinstance(each, Fault)]
        self._talk.expect("the file keeps every rule of Nacha's (`directpay nacha check`)", faults, [])
        entries = [entry for batch in read_file(BytesIO(file)).batches for entry in batch.entries]
        self._talk.expect("one entry is in it", len(entries), 1)
        return entries[0]


def _held(lines: Iterable[tuple[Any, ...]], *, until: int) -> dict[str, Decimal]:
    """Return what accounts hold after a transition of the payment, without those that hold nothing."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sequence, account, direction, amount in lines:
        if sequence <= until:
            held[account] += amount if direction == "credit" else -amount
    return {account: amount for account, amount in held.items() if amount}


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), EASTERN)
