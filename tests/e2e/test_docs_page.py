"""The docs page in a real browser without internet renders, and every example works when executed as shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import headless_chromium

pytestmark = pytest.mark.browser

PAGE_WAIT_S_MAX = 30.0
LOOK_EVERY_S = 0.05


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with headless_chromium(window="1200,700") as chrome:
        yield chrome


def test_every_example_of_the_docs_page_works_when_executed_as_shown(
    browser: webdriver.Chrome, stack: Any, tmp_path: Path
) -> None:
    browser.get(f"{stack.stack['http']}/docs")
    wait = WebDriverWait(browser, PAGE_WAIT_S_MAX, poll_frequency=LOOK_EVERY_S)
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, ".opblock"))
    _authorize(browser, wait, {"ApiKey": stack.stack["api_key"], "AdminKey": stack.stack["admin_key"]})
    blocks = len(browser.find_elements(By.CSS_SELECTOR, ".opblock"))
    assert blocks >= 20, "the page lists every endpoint"
    answers = {}
    for index in range(blocks):
        name, status = _execute(browser, wait, index)
        answers[name] = status
    browser.save_screenshot(str(tmp_path / "docs.png"))
    failed = {name: status for name, status in answers.items() if not status.startswith("2")}
    assert not failed, failed
    errors = [
        entry["message"]
        for entry in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if entry["level"] == "SEVERE"
    ]
    assert not errors, errors


def _authorize(browser: webdriver.Chrome, wait: WebDriverWait[Any], keys: dict[str, str]) -> None:
    browser.find_element(By.CSS_SELECTOR, ".auth-wrapper .btn.authorize").click()
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, ".auth-container"))
    for container in browser.find_elements(By.CSS_SELECTOR, ".auth-container"):
        name = container.find_element(By.CSS_SELECTOR, "h4 code").text
        container.find_element(By.CSS_SELECTOR, "input").send_keys(keys[name])
        container.find_element(By.CSS_SELECTOR, "button.authorize").click()
    browser.find_element(By.CSS_SELECTOR, ".btn-done").click()


def _execute(browser: webdriver.Chrome, wait: WebDriverWait[Any], index: int) -> tuple[str, str]:
    def block() -> WebElement:
        return browser.find_elements(By.CSS_SELECTOR, ".opblock")[index]

    def click(selector: str) -> None:
        wait.until(lambda _: block().find_elements(By.CSS_SELECTOR, selector))
        element = block().find_element(By.CSS_SELECTOR, selector)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        browser.execute_script("arguments[0].click()", element)

    method = block().find_element(By.CSS_SELECTOR, ".opblock-summary-method").text
    path = block().find_element(By.CSS_SELECTOR, ".opblock-summary-path").text.replace("\u200b", "")
    click(".opblock-summary-control")
    click(".try-out__btn")
    click(".btn.execute")
    shown = ".live-responses-table .response .response-col_status"
    wait.until(lambda _: block().find_elements(By.CSS_SELECTOR, shown))
    status = block().find_element(By.CSS_SELECTOR, shown).text.split("\n")[0]
    click(".opblock-summary-control")
    return f"{method} {path}", status
