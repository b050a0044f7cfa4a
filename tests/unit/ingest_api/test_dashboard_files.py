"""The dashboard's page: open, all from our own origin, nothing inline, every file that it names there."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import httpx
import pytest

from ingest_api.routes.dashboard import Dashboard
from tests.unit.ingest_api.small_pipeline import Caller, with_caller

FOLDER = files("ingest_api").joinpath("dashboard")
SOURCES = {file.name: file.read_text() for file in FOLDER.iterdir()}
SCRIPTS = sorted(name for name in SOURCES if name.endswith(".js"))
ASSETS = "/dashboard/assets/"


def test_the_page_and_its_files_are_open_and_may_load_nothing_else() -> None:
    async def story(caller: Caller) -> None:
        del caller.http.headers["Authorization"]
        for path in ("/dashboard", "/dashboard/", "/dashboard/panels.json", *(ASSETS + name for name in SOURCES)):
            answer = await caller.http.get(path)
            assert answer.status_code == 200, path
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
            assert "unsafe" not in policy
            assert await is_known(caller, path, answer)
        for path in ("no.js", "..%2Fapp.py", "../app.py"):
            assert (await caller.http.get(ASSETS + path)).status_code == 404

    with_caller(story)


async def is_known(caller: Caller, path: str, answer: httpx.Response) -> bool:
    again = await caller.http.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    return again.status_code == 304


def test_every_file_that_is_named_is_there_and_is_used() -> None:
    named = set(re.findall(ASSETS + r"([\w.]+)", SOURCES["index.html"]))
    for name in SCRIPTS:
        named |= set(re.findall(r'from "\./([\w.]+)"', SOURCES[name]))
    assert named == set(SOURCES) - {"index.html"}


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(name: str) -> None:
    text = SOURCES[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_data_never_becomes_html_and_the_key_never_leaves_its_session(name: str) -> None:
    text = SOURCES[name]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert "localStorage" not in text
    assert ("sessionStorage" in text) == (name == "session.js")


def test_every_element_that_a_script_asks_for_is_on_the_page() -> None:
    there = set(re.findall(r'\bid="([\w-]+)"', SOURCES["index.html"]))
    asked = {found for name in SCRIPTS for found in re.findall(r'\b(?:place|tell)\("([\w-]+)"', SOURCES[name])}
    assert asked
    assert asked <= there


def test_a_panel_is_shown_where_the_api_has_its_routes() -> None:
    webhooks, items = "/api/v1/webhook-endpoints/{endpoint_id}/deliveries", "/api/v1/reconciliation/items/"
    for paths in ([], [webhooks], [items], [webhooks, items]):
        shown = json.loads(Dashboard(paths)._panels)
        assert shown == {"webhooks": webhooks in paths, "reconciliation": items in paths}
