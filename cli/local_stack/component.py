"""A component of the stack as the supervisor sees it: how to start it, how to know it is ready, how to stop it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system user that a component runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One process of the stack; `kind` groups the processes of one sort (stream-0 and stream-1 are of kind stream)."""

    name: str
    kind: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_path: Path
    is_ready: Callable[[], bool]
    ready_s_max: float  # Without progress.
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s_max: float = 10.0
    account: Account | None = None
    cwd: Path | None = None
    health_url: str | None = None  # Where it tells its health over HTTP, if it does.
    # Called before each start: removes what would confuse it.
    prepare: Callable[[], None] = field(default=lambda: None)
    # How far it is on its way to being ready; what reads a long log first gets the time for it.
    progress: Callable[[], object] = field(default=lambda: None)
