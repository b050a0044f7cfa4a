"""The HTTP server of a process that others of ours ask: a bank, the originator, the reconciler."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

STOP_S_MAX = 2  # Readers of the feed wait in long polls: they ask again.


class HttpServer(uvicorn.Server):
    """uvicorn raises a signal again once it has stopped; a process that was asked to stop has not failed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def http_server(app: Starlette, *, host: str, port: int) -> HttpServer:
    """Return a server that ends in order on SIGTERM and SIGINT, or when its `should_exit` is set."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        access_log=False,
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=STOP_S_MAX,
    )
    return HttpServer(config)
