"""Ends the stack's processes when their supervisor is gone, however it went (kill -9 included).

Runs as a process of its own, in its own session: `python warden.py`. The supervisor tells it on standard input which
process groups there are, a line each; when that pipe closes, whoever is left is asked to stop and then killed, and
the file that says where they answer is removed. A pipe
works the same on Linux and macOS and for children that changed their user, which PR_SET_PDEATHSIG does not.
Only the standard library's smallest parts are imported, because this starts with every stack.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

# The brokers need about a second to close their files; a person who killed the supervisor will not wait much longer.
GRACE_S_MAX = 5.0
POLL_S = 0.05


def follow(lines: Iterable[str]) -> tuple[dict[int, int], list[str]]:
    """Return, when the pipe closes, the groups that are alive (oldest first, with their signals) and stale files."""
    groups: dict[int, int] = {}
    files: list[str] = []
    for line in lines:
        word, _, rest = line.rstrip("\n").partition(" ")
        match word:
            case "started":
                pid, stop_signal = rest.split()
                groups[int(pid)] = int(stop_signal)
            case "ended":
                groups.pop(int(rest), None)
            case "remove":
                files.append(rest)
    return groups, files


def end(groups: dict[int, int]) -> None:
    """Stop every group, newest first; kill those that are still there after the grace."""
    for group, stop_signal in reversed(groups.items()):
        send(group, stop_signal)
    deadline = time.monotonic() + GRACE_S_MAX
    while groups and time.monotonic() < deadline:
        groups = {group: stop_signal for group, stop_signal in groups.items() if send(group, 0)}
        time.sleep(POLL_S)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, signal_number: int) -> bool:
    """Return whether the group was there to receive it."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    left, stale = follow(sys.stdin)
    for file in stale:
        with suppress(OSError):
            os.unlink(file)  # noqa: PTH108 (pathlib would double the time that this program takes to start)
    end(left)
