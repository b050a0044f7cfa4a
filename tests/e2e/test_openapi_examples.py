"""Every example of /openapi.json works when it is executed as shown, in the document's order, also a second time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.tenancy import POLL_S, SETTLE_WAIT_S_MAX

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Shown:
    """One request as the page would send it."""

    name: str
    method: str
    path: str
    params: dict[str, Any]
    headers: dict[str, str]
    content: bytes | None
    security: str | None
    promised: frozenset[str]


@pytest.fixture(scope="module")
def http(stack: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.stack["http"], timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> dict[str, Any]:
    described: dict[str, Any] = http.get("/openapi.json").json()
    return described


def shown_requests(document: dict[str, Any]) -> Iterator[Shown]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield from _requests(path, method, methods[method])


def _requests(path: str, method: str, operation: dict[str, Any]) -> Iterator[Shown]:
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    for parameter in operation["parameters"]:
        example = parameter.get("example")
        if parameter["in"] == "path":
            path = path.replace("{%s}" % parameter["name"], str(example))  # noqa: UP031  Braces are the point.
        elif example is not None:
            (params if parameter["in"] == "query" else headers)[parameter["name"]] = str(example)
    assert "{" not in path, f"{path}: a path parameter has no example"
    security = next(iter(operation["security"][0])) if operation.get("security") else None
    for name, content_type, content in _bodies(operation):
        typed = headers | ({"Content-Type": content_type} if content_type else {})
        promised = frozenset(operation["responses"])
        yield Shown(f"{method} {path} {name}", method, path, params, typed, content, security, promised)


def _bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str | None, bytes | None]]:
    if "requestBody" not in operation:
        yield "", None, None
        return
    for content_type, content in operation["requestBody"]["content"].items():
        if "example" in content:
            yield content_type, content_type, content["example"].encode()
        for name, example in content.get("examples", {}).items():
            yield name, content_type, json.dumps(example["value"]).encode()


def _send(http: httpx.Client, shown: Shown, keys: dict[str | None, str]) -> httpx.Response:
    headers = shown.headers | ({"Authorization": f"Bearer {keys[shown.security]}"} if shown.security else {})
    return http.request(shown.method, shown.path, params=shown.params, headers=headers, content=shown.content)


def _await_completed(http: httpx.Client, shown: Shown, keys: dict[str | None, str]) -> None:
    """Return when the payment can be refunded, as the description asks its reader to wait."""
    headers = {"Authorization": f"Bearer {keys[shown.security]}"}
    deadline = time.monotonic() + SETTLE_WAIT_S_MAX
    while (payment := http.get(shown.path.removesuffix("/refunds"), headers=headers).json())["status"] != "completed":
        assert time.monotonic() < deadline, payment
        time.sleep(POLL_S)


def test_every_example_works_in_the_documents_order_and_again(
    http: httpx.Client, document: dict[str, Any], stack: Any
) -> None:
    keys: dict[str | None, str] = {"ApiKey": stack.stack["api_key"], "AdminKey": stack.stack["admin_key"]}
    requests = list(shown_requests(document))
    assert len(requests) >= 30
    for _ in range(2):
        for shown in requests:
            if shown.path.endswith("/refunds"):
                _await_completed(http, shown, keys)
            answer = _send(http, shown, keys)
            assert answer.is_success, f"{shown.name}: {answer.status_code} {answer.text[:500]}"
            assert str(answer.status_code) in shown.promised, f"{shown.name}: {answer.status_code} is not described"
            if shown.path.endswith("/batch"):
                assert all(result["status"] < 300 for result in answer.json()["results"]), answer.text
            if shown.path.endswith("/cancel"):
                assert answer.json()["status"] == "cancelled"


def test_examples_are_replays_the_second_time(http: httpx.Client, document: dict[str, Any], stack: Any) -> None:
    keys: dict[str | None, str] = {"ApiKey": stack.stack["api_key"], "AdminKey": stack.stack["admin_key"]}
    creating = [
        shown
        for shown in shown_requests(document)
        # A batch answers item by item, and what is delivered again is not done with the answer.
        if shown.method == "post" and shown.security and not shown.path.endswith(("/batch", "/replay"))
    ]
    for shown in creating:
        first, again = _send(http, shown, keys), _send(http, shown, keys)
        assert again.status_code == 200, f"{shown.name}: {again.text}"
        assert again.headers["Idempotency-Replayed"] == "true"
        if not shown.path.endswith("/api-keys/"):
            assert first.content == again.content


def test_every_route_is_described_and_every_description_has_a_route(document: dict[str, Any], stack: Any) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert document["openapi"].startswith("3.1")
    assert len(described) >= 25
    # In the order of a first visit: people, accounts, property, lease, payment.
    order = [tag["name"] for tag in document["tags"]]
    assert order[:5] == ["Users", "Bank accounts", "Properties", "Leases", "Payments"]
    used = [methods[method]["tags"][0] for methods in document["paths"].values() for method in methods]
    assert sorted(used, key=order.index) == used, "operations stand in the order of their tags"
    for path, method in described:
        operation = document["paths"][path][method]
        assert operation["summary"]
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():  # A 304 has none.
                _check_reference(document, content["schema"])


def _check_reference(document: dict[str, Any], schema: dict[str, Any]) -> None:
    if "$ref" in schema:
        assert schema["$ref"].rpartition("/")[2] in document["components"]["schemas"]


def test_the_topics_are_described(http: httpx.Client) -> None:
    described = http.get("/asyncapi.json").json()
    assert described["asyncapi"].startswith("3.")
    assert len(described["channels"]) == 11
    for channel in described["channels"].values():
        for message in channel["messages"].values():
            name = message["$ref"].rpartition("/")[2]
            assert described["components"]["messages"][name]["payload"]["schema"]["fields"]


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/problems", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"]
)
def test_the_pages_need_nothing_from_elsewhere(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 200
    if path.startswith("/docs/assets"):
        return
    assert "//" not in answer.text.replace("<!DOCTYPE html>", "").replace("http://", "//"), "a link to another origin"


def test_every_problem_type_is_explained(http: httpx.Client) -> None:
    from ingest_api.problems import problem_types

    page = http.get("/docs/problems").text
    for code in problem_types():
        assert f'id="{code}"' in page
