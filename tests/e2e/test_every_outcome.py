"""Every outcome of an ACH payment (the table in `outcomes`), from POST to history, ledger and the bank's books: once by
transfers, which the bank settles after delays, and once by files, which it exchanges with an originator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cli.local_stack.ports import HOST, free_port
from cli.local_stack.stack import LocalStack
from payments.idempotency import payment_id
from payments.ledger import SUSPENSE, Direction, bank_account, clearing
from payments.money import format_amount
from payments.payment import EventType
from rails.ach.phases import Phase
from rails.bank import Reference
from rails.nacha.payment_entries import identification
from rails.nacha.return_codes import RETURN_REASONS
from tests.e2e.outcome_world import RAIL, Asked, World, statuses_of
from tests.e2e.outcomes import AT_DEBIT, BY_FILES, BY_TRANSFERS, NEXT_DAY, TWO_DAYS, TWO_MONTHS, Came, Outcome
from tests.integration.ach_exchange import NINE, SECONDS_MAX, AchExchange, set_clock
from tests.integration.rail_processes import eventually, originator_process
from tests.unit.rails.ach.written_log import SENDER, at_us

MINUTE_US = 60_000_000
# Cut-offs, and when what came back can be read: what is due on the way is done, and dated, in its order.
MOMENTS = ("2026-12-01 10:25", AT_DEBIT, "2026-12-01 14:40", NEXT_DAY, TWO_DAYS, TWO_MONTHS)
POSTINGS = {
    EventType.PROCESSING: 2,
    EventType.COMPLETED: 2,
    EventType.FAILED: 2,
    EventType.RETURNED: 4,
    EventType.SUSPENSE_RECORDED: 2,
}
BOOKED_BY_TRANSFER = {"in_progress": 0, "rejected": 0, "settled": 2, "returned": 4}


@pytest.fixture(scope="module")
def by_transfers(stack: Any) -> World:
    world = World(stack.stack, BY_TRANSFERS)
    world.wait_until_ended()
    world.tell_again()
    world.read_bank()
    return world


class FileWorld(World):
    """A world whose payments go by files."""

    def __init__(self, places: dict[str, Any], exchange: AchExchange) -> None:
        super().__init__(places, BY_FILES)
        self._exchange = exchange
        self._bank = places["bank"]
        self.came: dict[str, list[Came]] = {}
        self.problems: dict[str, int] = {}

    def ask_for_faults(self) -> None:
        """Have the bank go wrong with the first entry of the payments that want it."""
        for outcome in self.outcomes:
            if outcome.fault is not None:
                reference = str(Reference(payment_id=self.asked[outcome.name].id, attempt=1))
                wanted = {"fault": outcome.fault, "reference": identification(reference)}
                assert httpx.post(f"{self._bank}/faults", json=wanted, timeout=20).status_code == 201

    def is_all_taken(self) -> bool:
        return self._exchange.phases() == {Phase.DEBIT_WAITS: len(self.outcomes)}

    def read_originator(self) -> None:
        """Read what came back, by payment, and what a person has to look at."""
        report = self._exchange.originated()
        self.problems = report["problems"]
        for each in report["incoming"]:
            of = Reference.parse(each["reference"]).payment_id
            came = Came(kind=each["kind"], code=each["code"], leg=each["leg"], problem=each["problem"])
            self.came.setdefault(of, []).append(came)


@pytest.fixture(scope="module")
def by_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileWorld]:
    """A stack with an originator, whose clock goes through two months in a few steps."""
    folder = tmp_path_factory.mktemp("files") / "stack"
    folder.mkdir()
    set_clock(folder, NINE)
    kafka_port = free_port()
    originator = originator_process(folder, bootstrap=f"{HOST}:{kafka_port}")
    settings = {"ACH_URL": originator.url, "ACH_BY_FILES": "true", "BANK_DROP_DIR": str(folder / "drop")}
    stack = LocalStack(folder, kafka_port=kafka_port, settings=settings)
    stack.start()
    try:
        originator.start()
        exchange = AchExchange(
            folder=folder,
            drop=folder / "drop",
            originator_url=originator.url,
            bank_url=stack.stack["bank"],
            books=folder / "state" / "bank" / "books.sqlite",
        )
        world = FileWorld(stack.stack, exchange)
        set_clock(folder, NINE + MINUTE_US)
        # All of them are with the originator before the first cut-off: else there would be another file.
        eventually(world.is_all_taken, SECONDS_MAX, exchange.say)
        world.ask_for_faults()
        for moment in MOMENTS:
            exchange.go_on(moment)
        world.wait_until_ended()
        world.tell_again()
        world.read_bank()
        world.read_originator()
        yield world
    finally:
        originator.kill()
        stack.stop()


@pytest.mark.parametrize("outcome", BY_TRANSFERS, ids=lambda outcome: outcome.name)
def test_an_outcome_by_transfer(by_transfers: World, outcome: Outcome) -> None:
    check_all(by_transfers, outcome)
    transfer = by_transfers.transfers.get(by_transfers.asked[outcome.name].id)
    if outcome.transfer is None:
        assert transfer is None
    else:
        assert transfer is not None
        assert (transfer.state, transfer.entries_minor) == (outcome.transfer, 0)
        assert transfer.entries == BOOKED_BY_TRANSFER[outcome.transfer]


@pytest.mark.parametrize("outcome", BY_FILES, ids=lambda outcome: outcome.name)
def test_an_outcome_by_files(by_files: FileWorld, outcome: Outcome) -> None:
    asked = by_files.asked[outcome.name]
    check_all(by_files, outcome)
    last = datetime.fromisoformat(by_files.tenancy.history(asked.id)[-1]["timestamp"])
    assert last == datetime.fromtimestamp(at_us(outcome.at) / 1_000_000, UTC)
    # What is heard at the same time is shown in no order.
    assert Counter(by_files.came.get(asked.id, [])) == Counter(outcome.came)


def test_a_report_on_a_payment_that_does_not_exist_is_refused_and_moves_nothing(by_transfers: World) -> None:
    reasons = by_transfers.reasons()
    for key in by_transfers.unknown:
        assert reasons[key] == "payment-unknown"
        unknown = payment_id(by_transfers.tenancy.tenant_id, key)
        assert by_transfers.tenancy.http.get(f"/api/v1/payments/{unknown}").status_code == 404
        assert by_transfers.ledger(unknown) == []


def test_what_the_rows_leave_at_the_bank_is_the_companys(by_files: FileWorld) -> None:
    left_minor = sum(sum(each.bank) * by_files.asked[each.name].amount_minor for each in BY_FILES)
    company = (SENDER.bank_routing_number, SENDER.company_identification[-4:])
    assert by_files.balances[company] == -left_minor
    assert sum(by_files.balances.values()) == 0
    assert by_files.problems == Counter(came.problem for each in BY_FILES for came in each.came if came.problem)


def test_a_report_that_fits_no_more_is_refused(by_transfers: World) -> None:
    reasons = by_transfers.reasons()
    refused = {name for name, asked in by_transfers.asked.items() if asked.body["idempotency_key"] in reasons}
    assert refused == {"returned although cancelled", "rejected although completed", "returned a second time"}
    assert {reasons[by_transfers.asked[name].body["idempotency_key"]] for name in refused} == {"illegal-move"}


def check_all(world: World, outcome: Outcome) -> None:
    asked = world.asked[outcome.name]
    check_answers(world, outcome, asked)
    check_history(world, outcome, asked)
    check_ledger(world, outcome, asked)
    check_bank(world, outcome, asked)


def check_answers(world: World, outcome: Outcome, asked: Asked) -> None:
    """The POST is answered as it was, and GET tells how the payment stands, and why."""
    assert asked.first.status_code in (201, 202), asked.first.text
    again = world.post_again(asked)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.json()["status"] == "pending"
    if asked.first.status_code == 201:
        assert again.content == asked.first.content
    payment = world.tenancy.payment(asked.id)
    assert payment["status"] == statuses_of(outcome)[-1]
    assert payment["amount"] == format_amount(asked.amount_minor)
    assert payment["payment_rail_type"] == RAIL
    assert payment.get("failure") == failure_of(outcome)


def failure_of(outcome: Outcome) -> dict[str, str] | None:
    if outcome.code is None:
        return None
    return {"code": outcome.code, "reason": RETURN_REASONS[outcome.code], "source": "rail"}


def check_history(world: World, outcome: Outcome, asked: Asked) -> None:
    """The events are those of the row and no other, however often they were reported, each with why it happened."""
    events = world.tenancy.history(asked.id)
    assert [event["event_type"] for event in events] == list(outcome.ending.events)
    assert [event["new_status"] for event in events] == statuses_of(outcome)
    assert [event["previous_status"] for event in events] == [None, *statuses_of(outcome)[:-1]]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    terms = {
        "payer_account": asked.body["payer_account_id"],
        "payee_account": asked.body["payee_account_id"],
        "amount": format_amount(asked.amount_minor),
        "currency": "USD",
        "rail": RAIL.value,
    }
    for event in events:
        metadata = event["metadata"]
        event_type = EventType(event["event_type"])
        # The bank's own number, where a bank has spoken.
        assert ("bank_reference" in metadata) == (event_type in POSTINGS and event_type is not EventType.PROCESSING)
        metadata.pop("bank_reference", None)
        assert metadata == terms | changes_of(event_type, outcome)


def changes_of(event_type: EventType, outcome: Outcome) -> dict[str, str]:
    """Return what an event says beside the payment's terms."""
    match event_type:
        case EventType.INITIATED:
            return {}
        case EventType.CANCELLED:
            return {"cancel_key": "stop"}
        case EventType.FAILED | EventType.RETURNED:
            failure = failure_of(outcome)
            assert failure is not None
            return {"attempt": "1"} | {f"failure_{name}": text for name, text in failure.items()}
        case EventType.SUSPENSE_RECORDED:
            assert outcome.late is not None
            return {"attempt": str(outcome.late.attempt)}
        case _:
            return {"attempt": "1"}


def check_ledger(world: World, outcome: Outcome, asked: Asked) -> None:
    """Every event's lines sum to zero, and all of them leave what the row says, on no other account."""
    lines = world.ledger(asked.id)
    assert {amount_minor for *_, amount_minor in lines} <= {asked.amount_minor}
    sums: Counter[int] = Counter()
    left: Counter[str] = Counter()
    for sequence, account, direction, _ in lines:
        sign = 1 if direction == Direction.CREDIT else -1
        sums[sequence] += sign
        left[account] += sign
    assert set(sums.values()) <= {0}
    assert Counter(sequence for sequence, *_ in lines) == {
        sequence: POSTINGS[event] for sequence, event in enumerate(outcome.ending.events, 1) if event in POSTINGS
    }
    ending = outcome.ending
    expected = {
        bank_account(asked.body["payer_account_id"]): ending.payer,
        bank_account(asked.body["payee_account_id"]): ending.payee,
        clearing(RAIL): ending.in_flight,
        SUSPENSE: ending.suspense,
    }
    assert {account: shares for account, shares in left.items() if shares} == {
        account: shares for account, shares in expected.items() if shares
    }


def check_bank(world: World, outcome: Outcome, asked: Asked) -> None:
    """Both accounts have at the bank what the row says, to the cent. One that no money ever went to is not known."""
    for number, shares in zip((outcome.payer, outcome.payee), outcome.bank, strict=True):
        balance_minor = world.balances.get((asked.routing_number, number[-4:]), 0)
        assert balance_minor == shares * asked.amount_minor, number
