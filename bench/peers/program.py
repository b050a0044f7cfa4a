"""A process of a peer: started with a log of its own, looked after, ended with all its children."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_S_MAX = 20.0
LOG_CHARS_MAX = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running program and where its log is."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Raise RuntimeError, with the end of its log, when it has ended by itself."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.log_end()}")

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_CHARS_MAX:]


@contextmanager
def program(name: str, argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[Program]:
    """Give a running program, with its log in `folder` and `env` beside the environment, that lives as long as this."""
    log = folder / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, env={**os.environ, **env}, cwd=folder)
    try:
        yield Program(name=name, process=process, log=log)
    finally:
        children = _with_children(process.pid)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S_MAX)
        for each in children:
            # Those that did not end with their parent; the parent too, if it did not end in time.
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait(STOP_S_MAX)
        psutil.wait_procs(children, STOP_S_MAX)


def _with_children(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants that live now."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
