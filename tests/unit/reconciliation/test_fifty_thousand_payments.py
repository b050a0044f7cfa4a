"""A bank that drops, doubles and changes: reconciliation finds every fault, repairs what was lost once, matches nothing
falsely, and every statement's balances follow from what it found."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from payments.commands import Report
from payments.payment import Status
from rails.simulated.statements.bookings import Booking
from reconciliation.known_payment import KnownPayment
from schemas.reconciliation import StatementFinding, Verdict
from tests.unit.reconciliation.desk_in_hand import DeskInHand, booking, known, reference_of, statement_file

PAYEES = 200
PEOPLE = UUID("11111111-1111-4111-8111-111111111111")


class World:
    """Payments as they are, what we know of them, and what the bank has booked; every fault by the payment it is of."""

    def __init__(self, seed: int, payments: int) -> None:
        chance = random.Random(seed)
        numbers = list(range(payments))
        chance.shuffle(numbers)
        faults = {
            "lost": payments // 50,  # The bank drops 2 % of its answers,
            "doubled": payments // 50,  # doubles 2 % of its bookings,
            "changed": payments // 1000,  # changes 0.1 % of the amounts,
            "not_booked": payments // 500,  # and leaves a few out.
        }
        self.of: dict[str, set[str]] = {}
        marked: dict[int, str] = {}
        for fault, count in faults.items():
            marked |= {numbers.pop(): fault for _ in range(count)}
        self.known: list[KnownPayment] = []
        self.bookings: dict[str, list[Booking]] = {f"Q{number}": [] for number in range(PAYEES)}
        for number in range(payments):
            fault = marked.get(number, "none")
            payment = _payment(number, chance, Status.PROCESSING if fault == "lost" else Status.COMPLETED)
            self.known.append(payment)
            self.of.setdefault(fault, set()).add(payment.payment_id)
            if fault != "not_booked":
                self._book(number, payment, fault)
        # What is the bank's own, and looks like rent.
        self.foreign = payments // 500
        for number in range(self.foreign):
            like = chance.choice(self.known)
            self.bookings[f"Q{number % PAYEES}"].append(booking(like.amount_minor, reference=f"OWN-{number}"))
        for booked in self.bookings.values():
            chance.shuffle(booked)

    def _book(self, number: int, payment: KnownPayment, fault: str) -> None:
        booked = self.bookings[f"Q{number % PAYEES}"]
        amount_minor = payment.amount_minor + (1 if fault == "changed" else 0)
        booked.append(booking(amount_minor, reference_of(payment), reference=f"BK-{number}"))
        if fault == "doubled":
            booked.append(booking(amount_minor, reference_of(payment), reference=f"BK-{number}-2"))


def _payment(number: int, chance: random.Random, status: Status) -> KnownPayment:
    payee = str(uuid5(PEOPLE, f"payee {number % PAYEES}"))
    # Rents are alike: an amount and a day name nobody.
    amount_minor = 100_000 + 50_00 * chance.randrange(40)
    return known(f"rent-{number}", amount_minor=amount_minor, status=status, payer=f"payer {number}", payee=payee)


def _of(findings: Sequence[StatementFinding], verdict: Verdict) -> list[str]:
    return sorted(it.payment_id or "" for it in findings if it.verdict is verdict)


@pytest.mark.parametrize("payments", [5_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_every_fault_is_found_and_nothing_else(payments: int) -> None:
    world = World(seed=20_250_220, payments=payments)
    desk = DeskInHand(world.known, reads_back=False)
    data = statement_file(world.bookings)
    done, _ = desk.take(data)
    findings = desk.findings()

    # Every one of them, each once.
    assert _of(findings, Verdict.REPAIRED) == sorted(world.of["lost"])
    assert _of(findings, Verdict.DUPLICATE) == sorted(world.of["doubled"])
    assert _of(findings, Verdict.MISMATCHED) == sorted(world.of["changed"])
    assert _of(findings, Verdict.UNMATCHED_HERE) == sorted(world.of["not_booked"])
    assert _of(findings, Verdict.UNMATCHED_AT_BANK) == [""] * world.foreign
    # No false match: what is matched is what is well, and one of what was doubled.
    assert _of(findings, Verdict.MATCHED) == sorted(world.of["none"] | world.of["doubled"])
    amounts_minor = {it.payment_id: it.amount_minor for it in world.known}
    assert all(
        it.amount_minor == amounts_minor[it.payment_id or ""] for it in findings if it.verdict is Verdict.MATCHED
    )
    # The lost ones are repaired, exactly once.
    assert sorted(it.payment_id for it in desk.reports) == sorted(world.of["lost"])
    assert {it.report for it in desk.reports} == {Report.SETTLED}
    # And every account's balance follows.
    assert (done.statements, done.unproven) == (PAYEES, 0)
    assert sum(it.closing_minor - it.opening_minor for it in desk.proofs()) == sum(
        it.item.amount_minor for booked in world.bookings.values() for it in booked
    )

    # However often it runs: the same file, the same bookings in another, and after the repair was heard.
    reports, found = len(desk.reports), len(findings)
    assert desk.take(data) == (done, True)
    desk.know(
        replace(it, status=Status.COMPLETED, settled_day=it.claimed_day)
        for it in world.known
        if it.status is Status.PROCESSING
    )
    again, _ = desk.take(statement_file(world.bookings, number=2))
    assert (again.known, again.repaired, again.unmatched_here, again.unproven) == (done.bookings, 0, 0, 0)
    assert (len(desk.reports), len(desk.findings())) == (reports, found)
