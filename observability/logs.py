"""Structured logs: one JSON object a line on stderr, the standard library's records among them."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

QUIET = ("httpx", "httpcore", "aiokafka", "urllib3", "asyncio")


def configure_logging(process: str, level: str = "INFO") -> None:
    """Send every log of this process to stderr as JSON lines that name `process`; later calls replace earlier ones."""

    def name_process(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(default=str)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Ours do not pass through the standard library, which costs a request more than all of its rules do.
    structlog.configure(
        processors=[*shared, render],
        logger_factory=lambda *_names: _Lines(handler.stream),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)


class _Lines:
    """Writes lines, whole ones from any thread. Who cannot log, to a full disk or a closed pipe, works on."""

    _lock = threading.Lock()

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        try:
            with self._lock:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = write
