"""Fail-stop: a worker that cannot vouch for its state ends at once, and is restarted from the log."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import NoReturn

import structlog

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: not a crash of the interpreter, not a wrong command line.

log = structlog.get_logger()

Fail = Callable[..., None]


def fail_stop(reason: str, error: BaseException | None = None, **fields: object) -> NoReturn:
    """End the process with status 70, without finally blocks, flushes or commits.

    An orderly shutdown would still acknowledge: Faust commits on its way out, and clients flush what they have queued.
    """
    log.error("worker_stopped", reason=reason, exc_info=error, **fields)
    logging.shutdown()
    os._exit(EXIT_CODE)
