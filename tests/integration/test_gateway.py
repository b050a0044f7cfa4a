"""The gateway between a real Kafka and the simulated bank: each way that a payment can go."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from directory.changes import State
from payments.commands import Report
from payments.payment import Payment, Status
from payments.rails import SECOND_US, TIMINGS, Rail
from tests.integration.rail_processes import eventually
from tests.integration.rail_world import SPEED, RailWorld, broker_with_topics

PLAIN = "123456789"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RailWorld]:
    folder = tmp_path_factory.mktemp("rails")
    with broker_with_topics(folder) as broker:
        running = RailWorld(folder, broker)
        try:
            running.bank.start()
            running.gateway.start()
            yield running
        finally:
            running.stop()


def statuses(payment: Payment) -> list[Status]:
    return [transition.new_status for transition in payment.transitions]


@pytest.mark.parametrize("side", ["payer", "payee"])
@pytest.mark.parametrize(
    ("account_number", "expected", "code"),
    [
        ("987654321", [Status.PENDING, Status.PROCESSING, Status.COMPLETED], None),
        ("10001", [Status.PENDING, Status.PROCESSING, Status.FAILED], "R01"),
        ("10029", [Status.PENDING, Status.PROCESSING, Status.FAILED], "R29"),
        ("20010", [Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.RETURNED], "R10"),
        ("30000", [Status.PENDING, Status.PROCESSING, Status.COMPLETED], None),
        ("30001", [Status.PENDING, Status.PROCESSING, Status.COMPLETED], None),
        ("30002", [Status.PENDING, Status.PROCESSING, Status.COMPLETED], None),
    ],
)
def test_an_account_number_leads_to_its_outcome(
    world: RailWorld, account_number: str, expected: list[Status], code: str | None, side: str
) -> None:
    tested, plain = world.decider.account(account_number), world.decider.account(PLAIN)
    payer, payee = (tested, plain) if side == "payer" else (plain, tested)
    payment_id = world.decider.pay(payer, payee, now_us=world.now_us)
    payment = world.decider.wait_for(payment_id, expected[-1])
    assert statuses(payment) == expected
    transfer = world.transfers()[payment_id]
    assert transfer["entries"] == {"R01": 0, "R29": 0, "R10": 4}.get(code or "", 2)
    if code is not None:
        assert payment.failure is not None
        assert (payment.failure.code, payment.failure.source) == (code, "rail")
    else:
        assert payment.failure is None
    done = payment.transitions[2]
    assert done.occurred_at_us == transfer["settles_at_us"], "the bank's time, not ours"


def test_a_payment_that_the_bank_cannot_tell_of_stays_processing_and_is_seen(world: RailWorld) -> None:
    payer, payee = world.decider.account("30003"), world.decider.account(PLAIN)
    payment_id = world.decider.pay(payer, payee, now_us=world.now_us)
    world.decider.wait_for(payment_id, Status.PROCESSING)
    eventually(lambda: world.gateway.metric("directpay_gateway_unclear_payments") == 1, 30, world.gateway.tail)
    asked = world.gateway.metric('directpay_gateway_answers_total{standing="unclear",to="ask"}')
    eventually(
        lambda: world.gateway.metric('directpay_gateway_answers_total{standing="unclear",to="ask"}') > asked,
        30,
        world.gateway.tail,
    )
    assert any(
        json.loads(line).get("event") == "payments_unclear" and payment_id in json.loads(line)["payment_ids"]
        for line in world.gateway.log_text().splitlines()
    )
    assert statuses(world.decider.payment(payment_id)) == [Status.PENDING, Status.PROCESSING]
    assert world.transfers()[payment_id]["entries"] == 0


@pytest.mark.parametrize("rail", list(Rail))
def test_each_rail_takes_its_time(world: RailWorld, rail: Rail) -> None:
    payer, payee = world.decider.account("555666777"), world.decider.account(PLAIN)
    timing = TIMINGS[rail]
    ids = [world.decider.pay(payer, payee, now_us=world.now_us, rail=rail) for _ in range(20)]
    for payment_id in ids:
        payment = world.decider.wait_for(payment_id, Status.COMPLETED)
        initiated_us, claimed_us, settled_us = (each.occurred_at_us for each in payment.transitions)
        least_us, most_us = (int(s * SECOND_US / SPEED) for s in (timing.settle_s_min, timing.settle_s_max))
        assert least_us < settled_us - claimed_us < most_us
        assert claimed_us >= payment.head.due_at_us
        # The claim costs a round through Kafka, which is not divided by the rails' speed.
        assert least_us < settled_us - initiated_us < max(most_us, claimed_us - initiated_us + least_us * 3 // 2)


def test_accounts_that_do_not_exist_or_are_anothers_fail_the_payment_before_any_bank_hears_of_it(
    world: RailWorld,
) -> None:
    ours, gone = world.decider.account(PLAIN), world.decider.account(PLAIN, state=State.REVOKED)
    theirs = world.decider.account(PLAIN, tenant_id="other")
    for payer, payee, code in (
        (ours, str(uuid.uuid4()), "account_not_found"),
        (str(uuid.uuid4()), ours, "account_not_found"),
        (ours, theirs, "account_of_other_tenant"),
        (theirs, ours, "account_of_other_tenant"),
        (ours, gone, "account_revoked"),
    ):
        payment_id = world.decider.pay(payer, payee, now_us=world.now_us)
        payment = world.decider.wait_for(payment_id, Status.FAILED)
        assert statuses(payment) == [Status.PENDING, Status.FAILED]
        assert payment.failure is not None
        assert (payment.failure.code, payment.failure.source) == (code, "directpay")
        assert payment_id not in world.transfers()


def test_an_account_made_just_before_its_payment_is_found(world: RailWorld) -> None:
    for _ in range(20):
        payer, payee = world.decider.account("987654321"), world.decider.account(PLAIN)
        payment_id = world.decider.pay(payer, payee, now_us=world.now_us)
        assert world.decider.wait_for(payment_id, Status.COMPLETED, Status.FAILED).status is Status.COMPLETED


def test_a_cancelled_payment_is_never_submitted(world: RailWorld) -> None:
    payer, payee = world.decider.account("987654321"), world.decider.account(PLAIN)
    # Long before they are due, however slow the machine is.
    later_us = world.now_us + 3600 * SECOND_US
    early = [world.decider.pay(payer, payee, now_us=later_us, rail=Rail.STANDARD_ACH) for _ in range(50)]
    assert all(world.decider.cancel(payment_id, now_us=later_us) for payment_id in early)
    # These race the claim: whichever is decided first stands.
    racing = [world.decider.pay(payer, payee, now_us=world.now_us, rail=Rail.INSTANT) for _ in range(200)]
    cancelled = {payment_id for payment_id in racing if world.decider.cancel(payment_id, now_us=world.now_us)}
    paid = [payment_id for payment_id in racing if payment_id not in cancelled]
    sentinel = world.decider.pay(payer, payee, now_us=world.now_us, rail=Rail.STANDARD_ACH)
    for payment_id in (*paid, sentinel):
        world.decider.wait_for(payment_id, Status.COMPLETED)
    transfers = world.transfers()
    for payment_id in (*early, *cancelled):
        assert world.decider.payment(payment_id).status is Status.CANCELLED
        assert payment_id not in transfers
    assert all(payment_id in transfers for payment_id in paid)
    assert not any(world.decider.heard(payment_id) for payment_id in early), (
        "what was cancelled before it was due was not even claimed"
    )


def test_a_payment_for_a_later_day_is_not_claimed_today(world: RailWorld) -> None:
    payer, payee = world.decider.account("987654321"), world.decider.account(PLAIN)
    later = world.decider.pay(payer, payee, now_us=world.now_us, effective_date="2199-01-01")
    now = world.decider.pay(payer, payee, now_us=world.now_us, rail=Rail.STANDARD_ACH)
    world.decider.wait_for(now, Status.COMPLETED)
    assert world.decider.heard(later) == []


def test_reports_say_whose_word_they_are(world: RailWorld) -> None:
    payer, payee = world.decider.account("987654321"), world.decider.account(PLAIN)
    payment_id = world.decider.pay(payer, payee, now_us=world.now_us, amount_minor=4_711)
    world.decider.wait_for(payment_id, Status.COMPLETED)
    claimed, settled = world.decider.reports[payment_id][:2]
    assert (claimed.report, claimed.source, claimed.attempt) == (Report.CLAIMED, "directpay", 1)
    assert (settled.report, settled.source, settled.attempt) == (Report.SETTLED, "rail", 1)
    assert settled.amount_minor == 4_711
    assert settled.bank_reference == f"SIM{world.transfers()[payment_id]['transfer_id']:012d}"


def test_no_account_number_is_in_the_logs(world: RailWorld) -> None:
    payer, payee = world.decider.account("70707070717"), world.decider.account("80808080818")
    payment_id = world.decider.pay(payer, payee, now_us=world.now_us)
    world.decider.wait_for(payment_id, Status.COMPLETED)
    assert "partitions_assigned" in world.gateway.log_text(), "the search finds what is there"
    for log in (world.gateway.log_text(), world.bank.log_text()):
        assert "70707070717" not in log
        assert "80808080818" not in log
    books = world.bank.get("/books", limit=1000).text
    assert "0717" in books
    assert "70707070717" not in books
