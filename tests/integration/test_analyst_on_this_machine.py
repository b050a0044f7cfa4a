"""Whoever is on the machine of a local stack gets no further than over the network: there is no way in without a
password, and the analysts' opens the views only."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.local_stack.postgres import OWNER, SUPERUSER
from projections.migrate import ANALYST, migrate
from tests.integration.own_postgres import OwnPostgres

PASSWORD = "analyst"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    running = OwnPostgres()
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def owner(server: OwnPostgres) -> str:
    uri = server.make_database()
    migrate(uri, analyst_password=PASSWORD)
    return uri


@pytest.fixture
def no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)


@pytest.mark.parametrize("role", [OWNER, SUPERUSER, ANALYST])
@pytest.mark.parametrize("password", [None, "", PASSWORD + "x", "postgres", "directpay"])
def test_nobody_is_let_in_without_the_role_s_password(
    owner: str, no_password: None, role: str, password: str | None
) -> None:
    given = {**conninfo_to_dict(owner), "user": role, "password": password}
    with pytest.raises(psycopg.OperationalError, match=r"no password supplied|password authentication failed"):
        psycopg.connect(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [OWNER, SUPERUSER])
def test_the_analysts_password_is_not_another_s(owner: str, role: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(owner, user=role, password=PASSWORD))


@pytest.mark.parametrize("database", ["postgres", "template1", "template0"])
def test_the_analysts_password_opens_no_other_database(owner: str, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"permission denied|not currently accepting"):
        psycopg.connect(make_conninfo(owner, user=ANALYST, password=PASSWORD, dbname=database))


def test_there_is_no_socket_and_every_way_in_asks_for_a_password(owner: str) -> None:
    with psycopg.connect(owner) as connection:
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256",)]
        # Whose system account somebody has decides nothing.
        assert connection.execute("SELECT count(*) FROM pg_ident_file_mappings").fetchone() == (0,)
    port = conninfo_to_dict(owner)["port"]
    for folder in ("/tmp", "/var/run/postgresql", "/run/postgresql"):
        with pytest.raises(psycopg.OperationalError, match=r"No such file|connection to server on socket"):
            psycopg.connect(host=folder, port=port, user=SUPERUSER, dbname="postgres")


def test_the_server_s_files_are_its_account_s_alone(owner: str) -> None:
    with psycopg.connect(owner) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        assert stat.S_IMODE(Path(row[0]).stat().st_mode) == 0o700


def test_no_password_is_on_a_command_line(owner: str) -> None:
    password = conninfo_to_dict(owner)["password"]
    assert isinstance(password, str)
    with psycopg.connect(owner) as connection:
        pid = connection.info.backend_pid
        titles = [" ".join(process.cmdline()) for process in [psutil.Process(pid), *psutil.Process(pid).parents()[:1]]]
    assert titles
    assert not any(password in title or PASSWORD + " " in title for title in titles)
