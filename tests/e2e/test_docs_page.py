"""The docs page in a real browser without internet renders, and examples work when they are executed as shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import headless_chromium

pytestmark = pytest.mark.browser

PAGE_WAIT_S_MAX = 120.0
LOOK_EVERY_S = 0.05
# The key that it makes is what the example of DELETE revokes.
NEEDED = ("POST", "/api/v1/api-keys/")


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with headless_chromium(window="1200,700") as chrome:
        yield chrome


def test_an_example_of_each_section_and_of_each_method_works_when_executed_as_shown(
    browser: webdriver.Chrome, stack: Any, tmp_path: Path
) -> None:
    browser.get(f"{stack.stack['http']}/docs")
    wait = WebDriverWait(browser, PAGE_WAIT_S_MAX, poll_frequency=LOOK_EVERY_S)
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, ".opblock"))
    _authorize(browser, wait, {"ApiKey": stack.stack["api_key"], "AdminKey": stack.stack["admin_key"]})
    answers = dict(_execute(browser, wait, index) for index in _chosen(browser))
    assert len(answers) >= 10, answers
    browser.save_screenshot(str(tmp_path / "docs.png"))
    failed = {name: status for name, status in answers.items() if not status.startswith("2")}
    assert not failed, failed
    errors = [
        entry["message"]
        for entry in browser.get_log("browser")  # type: ignore[no-untyped-call]
        if entry["level"] == "SEVERE"
    ]
    assert not errors, errors


def _chosen(browser: webdriver.Chrome) -> list[int]:
    """Return which of the page's blocks to execute: test_openapi_examples.py executes every one, without a browser."""
    told = """return [...document.querySelectorAll('.opblock')].map(block => [
        block.closest('.opblock-tag-section').querySelector('.opblock-tag').id,
        block.querySelector('.opblock-summary-method').textContent,
        block.querySelector('.opblock-summary-path').dataset.path])"""
    shown: list[list[str]] = browser.execute_script(told)
    assert len(shown) >= 20, "the page lists every endpoint"
    sections, methods, _ = zip(*shown, strict=True)
    return [
        index
        for index, (section, method, path) in enumerate(shown)
        if index in (sections.index(section), methods.index(method)) or (method, path) == NEEDED
    ]


def _authorize(browser: webdriver.Chrome, wait: WebDriverWait[Any], keys: dict[str, str]) -> None:
    browser.find_element(By.CSS_SELECTOR, ".auth-wrapper .btn.authorize").click()
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, ".auth-container"))
    for container in browser.find_elements(By.CSS_SELECTOR, ".auth-container"):
        name = container.find_element(By.CSS_SELECTOR, "h4 code").text
        container.find_element(By.CSS_SELECTOR, "input").send_keys(keys[name])
        container.find_element(By.CSS_SELECTOR, "button.authorize").click()
    browser.find_element(By.CSS_SELECTOR, ".btn-done").click()


def _execute(browser: webdriver.Chrome, wait: WebDriverWait[Any], index: int) -> tuple[str, str]:
    def found(selector: str) -> Any:
        """Return what is there of the block by now: by one look in the page, which is busy drawing."""
        script = "return document.querySelectorAll('.opblock')[arguments[0]].querySelector(arguments[1])"
        return browser.execute_script(script, index, selector)

    def text(selector: str) -> str:
        told: str = wait.until(lambda _: found(selector)).text
        return told

    def click(selector: str) -> None:
        script = "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()"
        browser.execute_script(script, wait.until(lambda _: found(selector)))

    name = f"{text('.opblock-summary-method')} {text('.opblock-summary-path')}".replace("\u200b", "")
    click(".opblock-summary-control")
    click(".try-out__btn")
    click(".btn.execute")
    status = text(".live-responses-table .response .response-col_status").split("\n")[0]
    click(".opblock-summary-control")
    return name, status
