"""A receiver of webhooks on this machine, as a landlord's own system would have one: it verifies, then answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from cli.local_stack.ports import HOST
from cli.walkthrough.conversation import TourFailed

REQUEST_S_MAX = 5.0
STOP_LOOK_S = 0.05
# A webhook goes out within a moment, or 5 s later when the first attempt failed.
ARRIVE_S_MAX = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request as it came; `fault` says why it does not verify, and is None when it does."""

    headers: Mapping[str, str]
    body: bytes
    fault: str | None


class TourReceiver:
    """Listens while it is entered; accepts what `secret` has signed, and nothing before it is set."""

    def __init__(self) -> None:
        self.secret: str | None = None
        self._arrivals: SimpleQueue[Arrival] = SimpleQueue()
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self._take))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_LOOK_S,), name="receiver", daemon=True
        )

    def __enter__(self) -> TourReceiver:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}/hook"

    def wait(self, wait_s: float = ARRIVE_S_MAX) -> Arrival:
        """Return what came next, once it is there; raises TourFailed when nothing comes in this time."""
        try:
            return self._arrivals.get(timeout=wait_s)
        except Empty:
            raise TourFailed(f"no webhook came to {self.url} in {wait_s:g} s") from None

    def fault(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Return why this is not what our secret signed, or None, by the standard's own package."""
        if self.secret is None:
            return "no secret is known yet"
        try:
            Webhook(self.secret).verify(body, dict(headers))
        except WebhookVerificationError as error:
            return str(error)
        return None

    def _take(self, headers: Mapping[str, str], body: bytes) -> bool:
        arrival = Arrival(headers=headers, body=body, fault=self.fault(headers, body))
        self._arrivals.put(arrival)
        return arrival.fault is None


def _handler(take: Callable[[Mapping[str, str], bytes], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_S_MAX

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_accepted = take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(204 if is_accepted else 400)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base names it)
            """Stay silent: the tour says what came."""

    return Handler
