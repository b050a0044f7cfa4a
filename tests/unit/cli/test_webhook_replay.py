"""What `directpay webhooks replay` sends, and what it says of the answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.webhooks import webhooks

ENDPOINT = "11111111-1111-4111-8111-111111111111"
Answer = tuple[int, dict[str, str]] | None  # None: the connection ends without one.
ACCEPTED: Answer = (202, {"id": "the-replay"})
UNAVAILABLE: Answer = (503, {"detail": "Kafka cannot be reached"})
NOT_FOUND: Answer = (404, {"detail": "no such webhook endpoint"})
LOST: Answer = None


class Api(HTTPServer):
    """Answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, object], dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body, dict(self.headers.items())))
        answer = self.server.answers.pop(0)
        if answer is not None:
            self.send_response(answer[0])
            self.end_headers()
            self.wfile.write(json.dumps(answer[1]).encode())

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
    api.answers = [ACCEPTED]
    result = run(ENDPOINT, "--from", "2026-11-01", "--to", "2026-11-02", "--failed-only")
    assert (result.exit_code, result.output.split()[:2]) == (0, ["Replay", "the-replay"])
    [(path, body, headers)] = api.asked
    assert path == f"/api/v1/webhook-endpoints/{ENDPOINT}/replay"
    assert body == {"message_id": None, "from": "2026-11-01", "to": "2026-11-02", "failed_only": True}
    assert headers["Authorization"] == "Bearer dp_secret"


def test_a_local_stack_says_where_its_api_is(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DIRECTPAY_API_URL")
    (tmp_path / "stack.json").write_text(json.dumps({"http": api.url, "api_key": "dp_stack"}))
    api.answers = [ACCEPTED]
    assert run(ENDPOINT, "--state-dir", str(tmp_path), "--message", f"{ENDPOINT}:1").exit_code == 0
    [(_, body, headers)] = api.asked
    assert (body["message_id"], headers["Authorization"]) == (f"{ENDPOINT}:1", "Bearer dp_stack")


@pytest.mark.parametrize("first", [LOST, UNAVAILABLE], ids=["lost", "unavailable"])
def test_what_is_not_known_to_have_arrived_is_sent_again_with_its_key(api: Api, first: Answer) -> None:
    api.answers = [first, ACCEPTED]
    assert run(ENDPOINT).exit_code == 0
    keys = {headers["Idempotency-Key"] for _, _, headers in api.asked}
    assert (len(api.asked), len(keys)) == (2, 1)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([NOT_FOUND], "no such webhook endpoint"),
        ([LOST, UNAVAILABLE], "Kafka cannot be reached"),
        ([UNAVAILABLE, LOST], "disconnected"),
    ],
)
def test_why_there_is_no_replay_is_said(api: Api, answers: list[Answer], said: str) -> None:
    api.answers = list(answers)
    result = run(ENDPOINT)
    assert result.exit_code == 1
    assert said in result.output
    assert "dp_secret" not in result.output
    assert len(api.asked) == len(answers)


def test_without_a_key_nothing_is_asked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIRECTPAY_API_KEY")
    result = run(ENDPOINT)
    assert (result.exit_code, api.asked) == (1, [])
    assert "DIRECTPAY_API_KEY is not set" in result.output


def test_an_endpoint_is_named_by_its_id(api: Api) -> None:
    assert run("../tenants").exit_code == 2
    assert api.asked == []
