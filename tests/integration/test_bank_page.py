"""The simulated bank's page in a real browser: what people see and do there is what the bank knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from business_clock import Setting, write_setting
from tests.browser import headless_chromium
from tests.integration.rail_processes import RailProcess, bank_process
from tests.unit.rails.ach.written_log import at_us
from tests.unit.rails.ach_bank.sent_files import MONDAY, debits_of, sent

pytestmark = pytest.mark.browser

PAGE_WAIT_S_MAX = 120.0
PHONE = "390,844"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[RailProcess]:
    clock_file = tmp_path / "clock.json"
    began_us = at_us("2026-11-29 00:00")
    setting = Setting(set_by="a test", from_us=began_us, at_us=MONDAY, since_us=time.time_ns() // 1000)
    write_setting(clock_file, setting)
    process = bank_process(tmp_path, speed=1, clock_file=str(clock_file))
    process.start()
    yield process
    process.kill()


@pytest.fixture(params=["1400,2400", PHONE])
def browser(request: pytest.FixtureRequest) -> Iterator[webdriver.Chrome]:
    with headless_chromium(window=request.param) as chrome:
        yield chrome


def test_a_file_is_handed_in_and_followed_to_its_return(
    browser: webdriver.Chrome, bank: RailProcess, tmp_path: Path
) -> None:
    wait = WebDriverWait(browser, PAGE_WAIT_S_MAX)

    def shows(place: str, text: str) -> None:
        wait.until(lambda b: text in b.find_element(By.ID, place).text, f"#{place} never shows {text}")

    browser.get(bank.url)
    shows("now", "30 Nov 2026, 09:10:00")
    broken, good = tmp_path / "broken.ach", tmp_path / "payments.ach"
    broken.write_bytes(b"no file")
    browser.find_element(By.ID, "file").send_keys(str(broken))
    shows("file-faults", "record-length")
    good.write_bytes(sent(*debits_of("10003", "<b>111")))
    browser.find_element(By.ID, "file").send_keys(str(good))
    shows("files", "2 to post")
    browser.find_element(By.ID, "fault-reference").send_keys("121042880000002")
    browser.find_element(By.CSS_SELECTOR, "#fault-form button").click()
    shows("faults", "1 left")
    for shown in ("10:30:00", "14:45:00", "16:45:00", "23:59:59", "1 Dec 2026, 08:30:00"):
        browser.find_element(By.ID, "step").click()
        shows("now", shown)
    shows("files", "1 came back")
    shows("files", "bank-20261201-A")
    shows("accounts", "−1,500.00")
    shows("totals", "balanced")
    width = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.execute_script(width), "nothing is wider than the window"
    errors = [
        each["message"]
        for each in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if each["level"] == "SEVERE"
    ]
    # The browser calls the answer to the broken file an error; the page has no others.
    assert [each for each in errors if "422" not in each] == []
