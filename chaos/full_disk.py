"""A disk without room for one component: whatever its processes write to a file fails, its log's lines included.

By a limit on the size of files, which needs no rights and leaves nothing behind; on a machine without it (prlimit is
Linux') nothing happens.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress

POLL_S = 0.05


def fill(pid: Callable[[], int | None], lasts_s: float) -> bool:
    """Leave the component no room for `lasts_s` seconds, whichever process it has; say whether that can be done here.

    `pid` tells the process that it has just now: one that ends for want of room is started again, and finds none.
    """
    if not hasattr(resource, "prlimit"):
        return False
    limited: set[int] = set()
    deadline = time.monotonic() + lasts_s
    while time.monotonic() < deadline:
        now = pid()
        if now is not None and now not in limited:
            _limit(now, 0)
            limited.add(now)
        time.sleep(POLL_S)
    for each in limited:
        _limit(each, None)
    return True


def _limit(pid: int, size_bytes: int | None) -> None:
    """Let no file of the process grow beyond a size; None takes the limit away."""
    with suppress(ProcessLookupError):
        # The hard limit stays: nobody but root could raise it again.
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size_bytes is None else size_bytes, hard))
