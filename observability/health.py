"""Health and metrics over HTTP for processes that serve nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

log = structlog.get_logger(__name__)

Readiness = Callable[[], tuple[bool, dict[str, Any]]]

REQUEST_S_MAX = 5.0  # A probe that sends nothing must not hold a thread for ever.


class HealthServer:
    """Answers /health/live, /health/ready (200 or 503, as JSON) and /metrics from a daemon thread.

    /metrics takes `name[]`, as Prometheus clients do: only those are answered, in a fiftieth of the time of all.
    `ready` is called in the server's threads: it must be quick and must not block. Port 0 picks a free one. A process
    that reads a log before it is ready tells how far it is as `progress`: who starts it waits while that number grows.
    """

    def __init__(self, port: int, ready: Readiness, *, host: str = "127.0.0.1") -> None:
        self._server = _Server((host, port), _handler(ready))
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> HealthServer:
        """Serve from now on; the port was bound when this object was made."""
        self._thread.start()
        log.info("health_served", port=self.port)
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(REQUEST_S_MAX)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A restarted process takes its port again at once, although old connections are still in TIME_WAIT.
    allow_reuse_address = True


def _handler(ready: Readiness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_S_MAX
        server_version = "DirectPay"
        sys_version = ""

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            match path:
                case "/health/live":
                    self._answer_json(200, {"status": "live"})
                case "/health/ready":
                    is_ready, details = _judge(ready)
                    self._answer_json(
                        200 if is_ready else 503, {"status": "ready" if is_ready else "unready", **details}
                    )
                case "/metrics":
                    names = parse_qs(query).get("name[]")
                    asked = REGISTRY if names is None else REGISTRY.restricted_registry(names)
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(asked))
                case _:
                    self._answer_json(404, {"status": "unknown path"})

        def _answer_json(self, status: int, body: dict[str, Any]) -> None:
            self._answer(status, "application/json", json.dumps(body, default=str).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base names it)
            """Stay silent: probes come every second and are not news."""

    return Handler


def _judge(ready: Readiness) -> tuple[bool, dict[str, Any]]:
    """Return what `ready` says; a readiness check that fails means unready, not a dead health server."""
    try:
        return ready()
    except Exception as error:
        log.exception("readiness_check_failed")
        return False, {"error": str(error)}
