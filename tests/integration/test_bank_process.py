"""The simulated bank over HTTP, as a process of its own."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from payments.rails import Rail
from rails.bank import BankUnavailable, Instruction, OutcomePage, Result, Standing
from rails.simulated.connection import SimulatedBankConnection
from tests.integration.rail_processes import RailProcess, bank_process, eventually
from tests.unit.rails.instructions import instruction

SPEED = 20.0
SECONDS_MAX = 60.0


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RailProcess]:
    process = bank_process(tmp_path, speed=SPEED)
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def idle_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RailProcess]:
    """A bank for tests that leave no trace in its books."""
    process = bank_process(tmp_path_factory.mktemp("bank"), speed=SPEED)
    process.start()
    yield process
    process.kill()


def order(n: int, **terms: Any) -> Instruction:
    return instruction(n, claimed_at_us=time.time_ns() // 1000, speed=SPEED, **terms)


def post(bank: RailProcess, path: str, body: Any) -> httpx.Response:
    return httpx.post(f"{bank.url}{path}", content=msgspec.json.encode(body), timeout=10)


def read_feed(bank: RailProcess, count: int) -> list[str]:
    """Read the feed from its start until it has told `count` outcomes; return their references in order."""
    told: list[str] = []

    async def read() -> None:
        connection, cursor = SimulatedBankConnection(bank.url), ""
        try:
            while len(told) < count:
                page = await connection.outcomes(cursor, 100, 5)
                told.extend(outcome.reference for outcome in page.outcomes)
                cursor = page.cursor
        finally:
            await connection.close()

    asyncio.run(asyncio.wait_for(read(), SECONDS_MAX))
    return told


def test_the_port_carries_an_instruction_there_and_its_outcome_back(bank: RailProcess) -> None:
    sent = order(1, rail=Rail.INSTANT)

    async def go() -> tuple[Standing, Standing, OutcomePage]:
        connection = SimulatedBankConnection(bank.url)
        taken = (await connection.submit([sent]))[sent.reference]
        unknown = order(2).reference
        standing = (await connection.ask([unknown]))[unknown]
        page = await connection.outcomes("", 10, 10)
        again = await connection.outcomes(page.cursor, 10, 0)
        assert again.outcomes == ()
        assert again.cursor == page.cursor
        await connection.close()
        return taken.standing, standing.standing, page

    taken, unknown, page = asyncio.run(go())
    assert (taken, unknown) == (Standing.IN_PROGRESS, Standing.NOT_RECEIVED)
    [outcome] = page.outcomes
    assert (outcome.reference, outcome.payment_key, outcome.result) == (
        sent.reference,
        sent.payment_key,
        Result.SETTLED,
    )


def test_a_long_poll_answers_when_something_happens_not_when_its_time_is_over(bank: RailProcess) -> None:
    started_s = time.monotonic()
    post(bank, "/transfers", {"transfers": [order(1)]})
    answer = bank.get("/outcomes", wait_s=15)
    assert len(answer.json()["outcomes"]) == 1
    assert time.monotonic() - started_s < 10


def test_a_submit_whose_every_instruction_gets_no_answer_gets_none_itself(bank: RailProcess) -> None:
    async def go() -> dict[str, Standing]:
        connection = SimulatedBankConnection(bank.url, answer_s_max=0.5)
        silent, plain = order(1, debit="30000"), order(2)
        with pytest.raises(BankUnavailable):
            await connection.submit([silent])
        # Beside one that is answered, only its own answer is missing.
        answers = await connection.submit([silent, plain])
        assert set(answers) == {plain.reference}
        asked = await connection.ask([silent.reference, plain.reference])
        await connection.close()
        return {reference: answer.standing for reference, answer in asked.items()}

    standings = asyncio.run(go())
    assert Standing.NOT_RECEIVED not in standings.values()


def test_a_cursor_into_other_books_starts_at_the_beginning(bank: RailProcess) -> None:
    post(bank, "/transfers", {"transfers": [order(1)]})
    assert read_feed(bank, 1) == [order(1).reference]
    other = f"{uuid.uuid4().hex}:999999"
    assert len(bank.get("/outcomes", after=other).json()["outcomes"]) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/transfers", {}),
        ("/transfers", {"transfers": []}),
        ("/transfers", {"transfers": "many"}),
        ("/transfers", {"transfers": [{"reference": "not a reference"}]}),
        ("/transfers", {"transfers": [{}] * 501}),
        ("/transfers/ask", {"references": []}),
        ("/transfers/ask", {"references": ["x"]}),
        ("/transfers/ask", {"references": [order(1).reference], "more": 1}),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused_whole(idle_bank: RailProcess, path: str, body: Any) -> None:
    answer = post(idle_bank, path, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert idle_bank.get("/books").json()["totals"]["transfers"] == 0


@pytest.mark.parametrize("path", ["/transfers", "/transfers/ask", "/faults/rates", "/clock"])
def test_a_text_that_is_not_utf_8_is_refused(idle_bank: RailProcess, path: str) -> None:
    method = "POST" if path.startswith("/transfers") else "PUT"
    answer = httpx.request(method, idle_bank.url + path, content=b'{"\xff": "\xfe"}', timeout=10)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "params",
    [
        {"after": "x"},
        {"after": "a:b"},
        {"limit": 0},
        {"limit": "ten"},
        {"limit": 1001},
        {"wait_s": -1},
        {"wait_s": "x"},
    ],
)
def test_a_strange_question_to_the_feed_is_refused(idle_bank: RailProcess, params: dict[str, Any]) -> None:
    assert idle_bank.get("/outcomes", **params).status_code == 400


@pytest.mark.parametrize("body", [{"dropped": 1.5}, {"doubled": -0.1}, {"changed": "x"}, {"seed": -1}, {"lost": 1}, []])
def test_a_share_of_faults_that_is_none_is_refused(idle_bank: RailProcess, body: Any) -> None:
    answer = httpx.put(f"{idle_bank.url}/faults/rates", json=body, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert idle_bank.get("/faults/rates").json() == {"dropped": 0.0, "doubled": 0.0, "changed": 0.0, "seed": 0}


def test_an_instruction_that_breaks_a_rule_is_refused_alone_and_its_number_is_not_told(bank: RailProcess) -> None:
    good = msgspec.to_builtins(order(1))
    bad = msgspec.to_builtins(order(2))
    bad["debit"]["account_number"] = "98765432109876543210"
    answer = post(bank, "/transfers", {"transfers": [good, bad]})
    standings = {each["reference"]: each["standing"] for each in answer.json()["answers"]}
    assert standings == {good["reference"]: "in_progress", bad["reference"]: "refused"}
    assert "account_number" in answer.text
    assert "98765432109876543210" not in answer.text + bank.log_text()


def test_the_books_are_read_page_by_page(bank: RailProcess) -> None:
    post(bank, "/transfers", {"transfers": [order(n) for n in range(1, 8)]})
    first = bank.get("/books", limit=5).json()
    rest = bank.get("/books", limit=5, after=first["next"], accounts_after=2).json()
    assert [len(page["transfers"]) for page in (first, rest)] == [5, 2]
    assert rest["next"] is None
    assert rest["accounts"] == []
    assert len(first["accounts"]) == 2
    assert "123456789" not in str(first)
    assert "987654321" not in str(first)


def test_a_bank_killed_at_random_moments_forgets_nothing_and_pays_nothing_twice(bank: RailProcess) -> None:
    chance = random.Random(7)
    orders = [order(n, rail=chance.choice([Rail.INSTANT, Rail.WIRE])) for n in range(1, 401)]
    answered: set[str] = set()
    for number, start in enumerate(range(0, len(orders), 20)):
        batch = orders[start : start + 20]

        def is_answered(batch: list[Instruction] = batch) -> bool:
            try:
                answer = post(bank, "/transfers", {"transfers": batch})
            except httpx.HTTPError:
                return False
            answered.update(each["reference"] for each in answer.json()["answers"])
            return True

        eventually(is_answered, SECONDS_MAX, bank.tail)
        if number % 4 == 3:
            bank.kill()
            bank.start()
        # Sent again after the kill, as a caller does that never saw the answer.
        eventually(is_answered, SECONDS_MAX, bank.tail)
    told = read_feed(bank, len(orders))
    assert sorted(told) == sorted(each.reference for each in orders), "each once: nothing lost, nothing twice"
    assert answered == set(told)
    totals = bank.get("/books").json()["totals"]
    assert totals["transfers"] == len(orders)
    assert totals["entries"] == 2 * len(orders)
    assert totals["entries_minor"] == totals["balances_minor"] == 0


def test_a_bank_that_is_asked_to_end_ends_well(bank: RailProcess) -> None:
    assert bank.terminate() == 0


def test_a_bank_that_finds_its_port_taken_ends_badly(bank: RailProcess, tmp_path: Path) -> None:
    second = RailProcess(
        bank._program,
        {**bank._settings, "state_dir": str(tmp_path / "second")},
        name="second",
        folder=tmp_path,
        port=int(bank.url.rpartition(":")[2]),
    )
    second.launch()
    assert second._process is not None
    assert second._process.wait(30) != 0
