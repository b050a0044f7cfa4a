"""A whole system under measure: from a payment over HTTP to its terminal row in a database. Ours, or a peer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

# Of the topics of every system that has some, ours included: as many as this machine has cores. More only make what is
# written, read and locked at once smaller, and each such thing costs the same whatever it brings.
PARTITIONS_OF_SYSTEMS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One HTTP request: `path` behind the system's `url`, with everything in `headers` that it asks for."""

    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    def with_headers(self, headers: Mapping[str, str]) -> Post:
        """Return the same request with these headers on top."""
        return replace(self, headers={**self.headers, **headers})


class System(Protocol):
    """One design of the pipeline, with its processes, broker and database, on this machine.

    Payments are numbered from 0; the same number is the same idempotency key. All systems acknowledge at the same
    durability: acks=all, synchronous_commit=on, fsync as shipped.
    """

    name: str
    url: str

    def start(self) -> None:
        """Return when it takes payments and finishes them; RuntimeError, with the end of a log, if it will not."""

    def stop(self) -> None:
        """End every process of it, and leave nothing behind."""

    def pids(self) -> Sequence[int]:
        """Return every process that lives now, children, broker and database included."""

    def single(self, number: int) -> Post:
        """Return the request for one payment."""

    def batch(self, numbers: Sequence[int]) -> Post:
        """Return one request for several payments; a system without one in its design has it added, and says so."""

    def accepted(self, status: int, body: bytes) -> int:
        """Return how many payments an answer accepts for good."""

    def finished(self) -> int:
        """Return how many payments have reached a terminal status in the database."""

    def faults(self, accepted: int) -> Mapping[str, int]:
        """Return what the oracle finds wrong when all is done, by kind (`lost`, `doubled_events`, ...); 0 is right.

        `accepted` is how many payments clients were told of; every payment has a history of three transitions.
        """

    def disk_bytes(self) -> Mapping[str, int]:
        """Return the bytes on disk by store: `kafka`, `postgres`, or what else it has."""
