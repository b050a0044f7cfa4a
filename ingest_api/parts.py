"""What the routes work with: one value, built by the composition root and handed down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from directory.sealing import Keyring
from ingest_api.accepted import AcceptedPayments
from ingest_api.auth import Doorkeeper
from ingest_api.commands import CommandLog
from ingest_api.known_directory import KnownDirectory
from ingest_api.outcome import OutcomeWait
from ingest_api.passwords import PasswordHashing
from ingest_api.reconciler_line import ReconcilerLine
from projections.queries import Queries

BATCH_BODY_BYTES_MAX = 32 * 1024 * 1024  # 10,000 payments with 3 KiB each.


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """What the operator decides. `admin_key` and `postgres` hold secrets, so this value is never logged."""

    bootstrap: str
    postgres: str
    partitions: int
    host: str
    port: int
    reuse_port: bool
    admin_key: str
    keyring: Keyring
    outcome_wait_s: float = 2.0
    max_body_bytes: int = 256 * 1024  # A payment with all that it may hold has less than 20 KiB.
    docs_tenant: str = "demo"
    clock_file: Path | None = None
    webhooks_allow_private: bool = False
    reconciler_url: str = "http://127.0.0.1:8012"
    health_urls: Mapping[str, str] = field(default_factory=dict)  # Where each process tells its health, by its name.
    instance: str = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The running parts of one API process; `now_us` is the business clock, microseconds since the epoch."""

    config: ApiConfig
    directory: KnownDirectory
    doorkeeper: Doorkeeper
    commands: CommandLog
    outcomes: OutcomeWait
    queries: Queries
    passwords: PasswordHashing
    accepted: AcceptedPayments
    reconciler: ReconcilerLine
    now_us: Callable[[], int]
