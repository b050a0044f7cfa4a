"""The watch on analysts: what a role can set away or change about itself is ended, or put back, within a second or two.

Postgres lets every role set its own time-outs away, change its own password and default settings, and give up its own
grants; nothing can be revoked that would stop it. So the owner looks, all the time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from dataclasses import dataclass

import psycopg
import structlog
from prometheus_client import Counter
from psycopg.conninfo import make_conninfo

from projections.migrate import ANALYST, set_analyst
from projections.named_sql import statement

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
CONNECT_TIMEOUT_S = 5
# A look takes milliseconds; a server that does not answer one is asked again on a new connection.
LOOK_TIMEOUT_MS = 10_000

ENDED = Counter("directpay_analyst_sessions_ended_total", "Sessions of analysts that were ended for taking too long")
PUT_BACK = Counter("directpay_analyst_role_put_back_total", "Times that the analysts' role was found changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds. Each a little more than the role's own time-out, which says more kindly what it ends."""

    statement_s: float = 35.0
    idle_s: float = 65.0
    transaction_s: float = 330.0


class AnalystWatch:
    """Looks every second, on a connection and in a thread of its own, until told to stop."""

    def __init__(self, postgres: str, password: str, stop: threading.Event, *, limits: Limits | None = None) -> None:
        self._uri = make_conninfo(
            postgres,
            application_name="directpay-analyst-watch",
            options=f"-c statement_timeout={LOOK_TIMEOUT_MS}",
            tcp_user_timeout=LOOK_TIMEOUT_MS,
        )
        self._password = password
        self._stop = stop
        self._limits = limits or Limits()
        self._connection: psycopg.Connection | None = None
        self._stood: str | None = None  # What the role was when it was last found, or set, as it should be.
        self._verifier: str | None = None
        # Not waited for at the end: a server that hangs must not keep the process.
        self._thread = threading.Thread(target=self._run, name="analyst-watch", daemon=True)

    def start(self) -> AnalystWatch:
        self._thread.start()
        return self

    def join(self) -> None:
        """Return when the watch has ended, or does not within a few looks."""
        self._thread.join(3 * LOOK_EVERY_S)

    def look(self) -> None:
        """End what takes too long, and put the role back where it differs from what it was."""
        connection = self._connected()
        for pid, _, state, statement_s, transaction_s in connection.execute(
            statement("end_long_statements"),
            {
                "role": ANALYST,
                "statement_s": self._limits.statement_s,
                "idle_s": self._limits.idle_s,
                "transaction_s": self._limits.transaction_s,
            },
        ).fetchall():
            ENDED.inc()
            log.warning(
                "analyst_ended", pid=pid, state=state, statement_s=round(statement_s or 0), transaction_s=transaction_s
            )
        if not self._is_as_it_was(connection):
            if self._stood is not None:
                PUT_BACK.inc()
                log.warning("analyst_role_put_back")
            set_analyst(connection, self._password)
            self._stood, self._verifier = _stands(connection), _verifier(connection)

    def _is_as_it_was(self, connection: psycopg.Connection) -> bool:
        if self._stood is None or _stands(connection) != self._stood:
            return False
        verifier = _verifier(connection)
        if verifier == self._verifier:  # Also for an owner who may see neither.
            return True
        # Another projector sets the same password with another salt: that is no reason to set it again.
        if verifier is None or not is_verifier_of(self._password, verifier):
            return False
        self._verifier = verifier
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except psycopg.Error as error:
                log.warning("analyst_watch_failed", error=str(error).strip(), kind=type(error).__name__)
                self.close()
                self._stood = None  # Somebody may have removed the role: it is made again.
            self._stop.wait(LOOK_EVERY_S)
        self.close()

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._uri, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_verifier_of(password: str, verifier: str) -> bool:
    """Say whether Postgres lets somebody in with this password (printable ASCII) by this SCRAM-SHA-256 verifier."""
    try:
        kind, given, keys = verifier.split("$")
        iterations, salt = given.split(":")
        stored_key = base64.b64decode(keys.partition(":")[0])
    except ValueError:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return kind == "SCRAM-SHA-256" and hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)


def _stands(connection: psycopg.Connection) -> str | None:
    row = connection.execute(statement("role_stands"), {"role": ANALYST}).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def _verifier(connection: psycopg.Connection) -> str | None:
    """Return the role's password as Postgres keeps it; None for an owner who may not see it."""
    if connection.info.parameter_status("is_superuser") != "on":
        return None
    row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (ANALYST,)).fetchone()
    return None if row is None else row[0]
