"""The dashboard in a real browser without internet: its figures are those of SQL, and they move by themselves."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from payments.rails import Rail
from tests.browser import headless_chromium
from tests.e2e.tenancy import Tenancy

pytestmark = pytest.mark.browser

PAGE_WAIT_S_MAX = 120.0
LOOK_EVERY_S = 0.05
DESK, PHONE = (1440, 900), (390, 844)
# What a caller may write, and a page must not run.
WRITTEN = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
STATUSES = {"Pending": "pending", "Completed": "completed", "Failed": "failed", "Returned": "returned"}
RAILS = {
    "Instant": Rail.INSTANT, "Wire": Rail.WIRE, "Same-day ACH": Rail.SAME_DAY_ACH, "Standard ACH": Rail.STANDARD_ACH,
}  # fmt: skip


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with headless_chromium(window="1440,900") as chrome:
        yield chrome


class Board:
    """What a person sees and does on the page."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url
        self.wait = WebDriverWait(browser, PAGE_WAIT_S_MAX, poll_frequency=LOOK_EVERY_S)

    def sign_in(self, key: str) -> None:
        self.browser.find_element(By.ID, "key").send_keys(key)
        self.browser.find_element(By.CSS_SELECTOR, "#key-form button").click()

    def text(self, place: str) -> str:
        return self.browser.find_element(By.ID, place).text

    def shows(self, place: str, text: str) -> None:
        self.wait.until(lambda _: text in self.text(place), f"#{place} never shows {text}")

    def choose(self, name: str, value: str) -> None:
        self.click(f'input[name="{name}"][value="{value}"]')

    def click(self, selector: str) -> None:
        self.browser.execute_script("arguments[0].click()", self.browser.find_element(By.CSS_SELECTOR, selector))

    def table(self, place: str) -> list[dict[str, str]]:
        """Return a table's rows by the titles of their columns."""
        told = "return [...document.getElementById(arguments[0]).rows].map(r => [...r.cells].map(c => c.textContent))"
        titles, *rows = self.browser.execute_script(told, place)
        return [dict(zip(titles, row, strict=True)) for row in rows]

    def picture(self, path: Path, size: tuple[int, int], scheme: str) -> None:
        """Keep what the whole page looks like in a window of this size; nothing may be wider than it."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < height}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.wait.until(lambda it: it.execute_script("return innerWidth") == width)
        taken = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(taken["data"]))
        is_within = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert self.browser.execute_script(is_within), f"something is wider than {width}"


def test_the_figures_are_those_of_sql_and_move_by_themselves(
    browser: webdriver.Chrome, stack: Any, tmp_path: Path
) -> None:
    tenancy, other = Tenancy.open(stack.stack), Tenancy.open(stack.stack)
    foreign: str = other.pay(amount="999.99").json()["id"]
    paid = a_payment_of_each_kind(tenancy)
    board = Board(browser, f"{stack.stack['http']}/dashboard")
    browser.get(board.url)
    board.sign_in("dp_of_somebody_else")
    board.shows("key-fault", "not known")
    board.sign_in(tenancy.api_key)
    board.shows("live", "Live")
    with psycopg.connect(stack.stack["analyst"], autocommit=True) as analyst:
        check_the_totals(board, analyst, tenancy.tenant_id)
        check_the_tables(board, analyst, tenancy.tenant_id)
    check_the_processes(board, stack)
    check_a_history(board, paid["returned"])
    assert foreign not in browser.page_source
    for name, size in (("desk", DESK), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            board.picture(tmp_path / f"dashboard-{name}-{scheme}.png", size, scheme)
    newest: str = tenancy.pay(amount="12.34").json()["id"]
    row = f'li[data-payment="{newest}"]'
    board.wait.until(lambda it: "Completed" in it.find_element(By.CSS_SELECTOR, row).text if has(it, row) else False)
    board.shows("total-count", str(len(paid) + 1))
    check_that_the_key_goes(board, tenancy.api_key)
    errors = [
        each["message"]
        for each in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if each["level"] == "SEVERE"
    ]
    # The browser calls the answer to the wrong key an error; the page has no others.
    assert [each for each in errors if "401" not in each] == []


def a_payment_of_each_kind(tenancy: Tenancy) -> dict[str, str]:
    """Return payments that have come to their end, but for one that is paid next month, by what they are."""
    empty, returning = (tenancy.account(tenancy.renter, number) for number in ("10001", "20001"))
    next_month = (datetime.now(UTC) + timedelta(days=31)).date().isoformat()
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        **{rail: ("completed", {"payment_rail_type": rail.value, "amount": "1500.10"}) for rail in Rail},
        "failed": ("failed", {"payer_account_id": empty, "lease_id": None, "amount": "0.07"}),
        "returned": ("returned", {"payer_account_id": returning, "lease_id": None, "description": WRITTEN}),
        "to come": ("pending", {"effective_date": next_month, "amount": "250.50"}),
    }
    made = {name: tenancy.pay(**terms).json()["id"] for name, (_, terms) in asked.items()}
    for name, (status, _) in asked.items():
        tenancy.wait_for(made[name], status)
    return made


def check_the_totals(board: Board, analyst: psycopg.Connection, tenant_id: str) -> None:
    count, amount, failed, ended, flying, flying_amount = rows_of(
        analyst,
        """SELECT count(*), sum(amount), count(*) FILTER (WHERE status IN ('failed', 'returned')),
               count(*) FILTER (WHERE status IN ('failed', 'returned', 'completed', 'refunded')),
               count(*) FILTER (WHERE status IN ('pending', 'processing')),
               sum(amount) FILTER (WHERE status IN ('pending', 'processing'))
           FROM analytics.payments WHERE tenant_id = %s""",
        tenant_id,
    )[0]
    assert (count, failed, ended, flying) == (7, 2, 6, 1)
    assert board.text("tenant") == tenant_id
    assert board.text("total-count") == str(count)
    assert board.text("total-amount-exact") == f"${amount:,.2f}"
    assert board.text("failure-rate") == f"{failed / ended * 100:.2f} %"
    assert board.text("flight-amount") == f"${flying_amount:,.2f}"
    assert board.text("flight-count") == f"{flying} payment"


def check_the_tables(board: Board, analyst: psycopg.Connection, tenant_id: str) -> None:
    """The newest period of the table is today's, when all was asked for; the last row sums over the periods."""
    for split, names in (("status", STATUSES), ("payment_rail_type", RAILS)):
        board.choose("split", split)
        query = f"SELECT {split}, sum(count), sum(amount) FROM analytics.daily_volume WHERE tenant_id = %s GROUP BY 1"
        sums = {name: (count, amount) for name, count, amount in rows_of(analyst, query, tenant_id)}
        for measure, place, shown in (("counts", 0, "{}"), ("amounts", 1, "${:,.2f}")):
            board.choose("measure", measure)
            together = board.table("volume-table")[-1]
            assert {name: together[name] for name in names} == {
                name: shown.format(sums[of][place]) for name, of in names.items()
            }
            assert together["Together"] == shown.format(sum(each[place] for each in sums.values()))
    (in_flight,) = board.table("flight-table")
    assert in_flight["Rail"].startswith("Instant pending since ")
    assert (in_flight["Payments"], in_flight["Amount"]) == ("1", "$250.50")
    reasons = rows_of(
        analyst,
        """SELECT failure_code, sum(amount) FROM analytics.payments
           WHERE tenant_id = %s AND failure_code IS NOT NULL GROUP BY failure_code, status""",
        tenant_id,
    )
    assert {(row["Reason"].split()[0], row["Amount"]) for row in board.table("reasons")} == {
        (code, f"${amount:,.2f}") for code, amount in reasons
    }
    rates = {row["Rail"]: row["Failure rate"] for row in board.table("failure-rails")}
    performance = dict(
        rows_of(analyst, "SELECT payment_rail_type, failure_rate FROM analytics.rail_performance WHERE tenant_id = %s",
                tenant_id)
    )  # fmt: skip
    assert rates == {name: f"{performance[rail] * 100:.2f} %" for name, rail in RAILS.items()}
    settled = rows_of(
        analyst, "SELECT payment_rail_type, count FROM analytics.settle_times WHERE tenant_id = %s", tenant_id
    )
    assert {(row["Rail"], row["Payments"]) for row in board.table("settle-table")} == {
        (name, str(count)) for name, rail in RAILS.items() for of, count in settled if of == rail
    }


def rows_of(analyst: psycopg.Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return analyst.execute(query.encode(), values).fetchall()


def check_the_processes(board: Board, stack: Any) -> None:
    names = set(stack.components)
    board.wait.until(lambda _: {row["Health"] for row in board.table("process-table")} == {"ready"})
    assert {row["Process"] for row in board.table("process-table")} == names
    assert board.text("process-count") == f"{len(names)} ready"
    assert "payment-events" in {row["Topic"] for row in board.table("view-table")}


def check_a_history(board: Board, payment_id: str) -> None:
    row = f'li[data-payment="{payment_id}"]'
    board.click(f"{row} button")
    shown = f"{row} .history li"
    board.wait.until(lambda it: len(it.find_elements(By.CSS_SELECTOR, shown)) == 4)
    happened = [each.text for each in board.browser.find_elements(By.CSS_SELECTOR, shown)]
    for event, told in zip(("Initiated", "Processing", "Completed", "Returned"), happened, strict=True):
        assert told.startswith(event)
    assert "R01" in happened[-1]
    # What the caller wrote is there as it was written, and was not run.
    assert WRITTEN in board.browser.find_element(By.CSS_SELECTOR, f"{row} .history").text
    assert board.browser.title == "DirectPay dashboard"


def check_that_the_key_goes(board: Board, key: str) -> None:
    kept = "return [location.href, Object.values(sessionStorage), localStorage.length, document.cookie]"
    assert board.browser.execute_script(kept) == [board.url, [key], 0, ""]
    board.click("#sign-out")
    # Asked in the page: while it is loaded anew, an element that was found is none a moment later.
    board.wait.until(lambda it: it.execute_script("return document.getElementById('sign-in')?.hidden === false"))
    assert board.browser.execute_script(kept) == [board.url, [], 0, ""]


def has(browser: webdriver.Chrome, selector: str) -> bool:
    return bool(browser.find_elements(By.CSS_SELECTOR, selector))
