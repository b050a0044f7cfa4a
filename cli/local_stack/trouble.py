"""What can go wrong with the local stack, said in one sentence and with what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 15
TAIL_BYTES_MAX = 64 * 1024


class StackError(Exception):
    """The stack cannot do what was asked; the text is for a person, and says what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class PortTaken(StackError):
    def __init__(self, port: int, option: str) -> None:
        super().__init__(
            f"Port {port} is taken by another program.",
            f"End that program, or choose another port with {option} (0 picks a free one).",
        )


class DiskFull(StackError):
    def __init__(self, folder: Path, free_bytes: int | None = None) -> None:
        left = "No space is left" if free_bytes is None else f"Only {free_bytes // 2**20} MiB are left"
        super().__init__(
            f"{left} on the disk of {folder}.",
            "Free at least 1 GiB, or choose a folder on another disk with --state-dir.",
        )


class DownloadFailed(StackError):
    def __init__(self, what: str, cause: object) -> None:
        super().__init__(
            f"Downloading {what} failed: {cause}.",
            "Check the connection (and HTTPS_PROXY, if there is a proxy), then run the command again.",
        )


class StateDirInUse(StackError):
    def __init__(self, state_dir: Path, owner: str) -> None:
        super().__init__(
            f"Another stack runs on {state_dir}{owner}.", "Stop it first, or choose another folder with --state-dir."
        )


class ComponentFailed(StackError):
    """A component died or did not become ready; carries the end of its log."""

    def __init__(self, name: str, what: str, log_path: Path, *, log_from: int = 0) -> None:
        tail = log_tail(log_path, begin=log_from)
        super().__init__(f"{name} {what}.", f"The end of its log ({log_path}):\n{indent(tail)}")
        self.name = name
        self.tail = tail


def log_tail(path: Path, lines: int = TAIL_LINES, *, begin: int = 0) -> str:
    """Return the last lines of what a log has from byte `begin` on, or a note that there are none."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(begin, log.tell() - TAIL_BYTES_MAX))
            text = log.read().decode(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about `folder` into a StackError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StackError(
                f"{error.filename or folder} cannot be written: {error.strerror}.",
                "Choose a folder of yours with --state-dir, or mend its permissions.",
            ) from error
        raise
