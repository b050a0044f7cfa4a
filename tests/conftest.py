"""The ground that tests stand on: a real Kafka, a real Postgres, a whole stack.

Kafka and Postgres are the ones that DIRECTPAY_KAFKA and DIRECTPAY_POSTGRES name; else containers, when a Docker engine
answers; else the local servers, which need neither Docker nor root.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import structlog
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.containers import docker_answers, kafka_container, postgres_container

if TYPE_CHECKING:
    from cli.local_stack.servers import LocalServers

# Exceptions in the log of a test are plain text: drawn with colours and all local values, one takes most of a second.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Tests choose their own settings; those of the shell are for running DirectPay by hand.
GIVEN = {
    name: os.environ.pop(name)
    for name in list(os.environ)
    if name.startswith("DIRECTPAY_") and name != "DIRECTPAY_CACHE_DIR"
}


@pytest.fixture(scope="session")
def local_servers() -> Iterator[LocalServers]:
    """Kafka and Postgres of this test run, in a folder that goes with it."""
    # Imported when it is needed, here and below: a unit test should not wait for what it does not use.
    from cli.local_stack.servers import LocalServers

    folder = Path(tempfile.mkdtemp(prefix="directpay-tests-"))
    servers = LocalServers(folder)
    servers.start()
    yield servers
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of a real Kafka; topics on it are shared by the whole run, so make your own."""
    if given := GIVEN.get("DIRECTPAY_KAFKA"):
        yield given
    elif docker_answers():
        with kafka_container() as bootstrap:
            yield bootstrap
    else:
        yield request.getfixturevalue("local_servers").bootstrap


@pytest.fixture(scope="session")
def postgres_uri(request: pytest.FixtureRequest) -> Iterator[str]:
    """URI of a role that may create databases and roles on a real Postgres."""
    if given := GIVEN.get("DIRECTPAY_POSTGRES"):
        yield given
    elif docker_answers():
        with postgres_container() as uri:
            yield uri
    else:
        yield request.getfixturevalue("local_servers").postgres.owner_uri


@pytest.fixture(scope="module")
def database(postgres_uri: str) -> Iterator[str]:
    """URI of a database of this test module's own; it is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield with_database(postgres_uri, name)
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def with_database(uri: str, name: str) -> str:
    """Return `uri` with another database."""
    assert conninfo_to_dict(uri)["dbname"], "the URI must name a database"
    return re.sub(r"/[^/?]+(\?|$)", rf"/{name}\1", uri)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out as `make test` asks for it."""
    from tests.one_process_a_stack import OneProcessAStack

    return OneProcessAStack(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Say with a failure where the logs of the processes are."""
    report = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if report.failed and running is not None:
        # One folder a run: the newest failure's logs hold those of the earlier ones.
        kept = Path(tempfile.gettempdir()) / f"directpay-logs-{running.state.path.name}"
        shutil.copytree(running.state.logs, kept, dirs_exist_ok=True)
        report.sections.append(("logs of the stack", f"copied to {kept}"))
    return report
