"""Ports on the loopback address: free ones are found, and kept for the next start."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

from cli.local_stack.trouble import PortTaken, StackError

HOST = "127.0.0.1"

# Below every system's range of ephemeral ports (Linux from 32768, macOS from 49152). From inside that range an outgoing
# connection can take the port of a server that is being restarted, or a client can even connect to itself.
LOWEST, HIGHEST = 15_000, 32_000
ATTEMPTS_MAX = 200


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(besides: set[int] | None = None) -> int:
    """Return a port that is free now and not among `besides`."""
    for _ in range(ATTEMPTS_MAX):
        port = random.randrange(LOWEST, HIGHEST)
        if port not in (besides or ()) and is_free(port):
            return port
    raise StackError(f"No free port was found between {LOWEST} and {HIGHEST}.", "End some programs that listen there.")


class Ports:
    """The ports of one stack by name, kept in a file so that they stay the same over restarts while they are free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        self._given: dict[str, int] = {}

    def take(self, name: str, wanted: int, option: str) -> int:
        """Return the port for `name`: `wanted`, or when that is 0 the one of last time or another free one."""
        if wanted and not is_free(wanted):
            raise PortTaken(wanted, option)
        kept = self._kept.get(name, 0)
        usable = kept and kept not in self._given.values() and is_free(kept)
        port = wanted or (kept if usable else free_port(set(self._given.values()) | set(self._kept.values())))
        self._given[name] = port
        self._kept[name] = port
        self._path.write_text(json.dumps(self._kept, indent=2))
        return port
