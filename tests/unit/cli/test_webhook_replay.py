"""What `directpay webhooks replay` sends, and what it says of the answers."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.webhook_replay import request_replay
from cli.webhooks import webhooks
from tests.unit.cli.played_api import Answer, PlayedApi, api_of

ENDPOINT = "11111111-1111-4111-8111-111111111111"
ACCEPTED = (202, {"id": "the-replay"})
NOT_FOUND = (404, {"title": "Not found", "detail": "no such webhook endpoint"})


class Api(HTTPServer):
    """Always answers the same, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, dict[str, str]] = ACCEPTED
        self.asked: list[tuple[str, dict[str, object], dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body, dict(self.headers.items())))
        status, said = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  Its name there.


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    serving = Api()
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("DIRECTPAY_API_URL", f"{serving.url}/")
    monkeypatch.setenv("DIRECTPAY_API_KEY", "dp_secret")
    yield serving
    serving.shutdown()
    thread.join()
    serving.server_close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(webhooks, ["replay", *arguments])


def test_it_asks_for_what_the_options_leave(api: Api) -> None:
    result = run(ENDPOINT, "--from", "2026-11-01", "--to", "2026-11-02", "--failed-only")
    assert (result.exit_code, result.output.split()[:2]) == (0, ["Replay", "the-replay"])
    [(path, body, headers)] = api.asked
    assert path == f"/api/v1/webhook-endpoints/{ENDPOINT}/replay"
    assert body == {"message_id": None, "from": "2026-11-01", "to": "2026-11-02", "failed_only": True}
    assert headers["Authorization"] == "Bearer dp_secret"


def test_a_local_stack_says_where_its_api_is(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DIRECTPAY_API_URL")
    (tmp_path / "stack.json").write_text(json.dumps({"http": api.url, "api_key": "dp_stack"}))
    assert run(ENDPOINT, "--state-dir", str(tmp_path), "--message", f"{ENDPOINT}:1").exit_code == 0
    [(_, body, headers)] = api.asked
    assert (body["message_id"], headers["Authorization"]) == (f"{ENDPOINT}:1", "Bearer dp_stack")


@pytest.mark.parametrize(
    "first", [httpx.ReadError("lost"), httpx.Response(503, json={"detail": "Kafka"})], ids=["lost", "unavailable"]
)
def test_what_is_not_known_to_have_arrived_is_sent_again_with_its_key(first: Answer) -> None:
    played = PlayedApi(posts=[first, httpx.Response(202, json={"id": "the-replay"})])
    assert request_replay(api_of(played), uuid.UUID(ENDPOINT), {}) == "the-replay"
    keys = {request.headers["Idempotency-Key"] for request in played.requests}
    assert (len(played.requests), len(keys)) == (2, 1)


def test_why_there_is_no_replay_is_said(api: Api) -> None:
    api.answer = NOT_FOUND
    result = run(ENDPOINT)
    assert result.exit_code == 1
    assert "no such webhook endpoint" in result.output
    assert "dp_secret" not in result.output
    assert len(api.asked) == 1


def test_without_a_key_and_a_stack_nothing_is_asked(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DIRECTPAY_API_KEY")
    monkeypatch.chdir(tmp_path)
    result = run(ENDPOINT)
    assert (result.exit_code, api.asked) == (1, [])
    assert "No stack runs on .directpay" in result.output


def test_an_endpoint_is_named_by_its_id(api: Api) -> None:
    assert run("../tenants").exit_code == 2
    assert api.asked == []
