"""Migrating waits for a Postgres that is coming, for as long as it was told and no longer."""

from __future__ import annotations

import socket
import threading
import time

import psycopg
import pytest

from projections.migrate import CONNECT_S_MAX, DatabaseUnreachable, migrate
from tests.integration.own_postgres import OwnPostgres

SLACK_S = 3.0


def test_a_server_that_comes_back_in_time_is_migrated() -> None:
    postgres = OwnPostgres()
    try:
        postgres.start()
        uri = postgres.make_database()
        postgres.kill()
        refused = threading.Event()

        def come_back() -> None:
            refused.wait()
            postgres.start()

        coming = threading.Thread(target=come_back)
        coming.start()
        with pytest.raises(DatabaseUnreachable):
            migrate(uri, analyst_password="analyst")
        refused.set()
        migrate(uri, analyst_password="analyst", wait_s=60)
        coming.join()
        with psycopg.connect(uri) as connection:
            assert connection.execute("SELECT max(version) FROM projection.migrations").fetchone() != (None,)
    finally:
        postgres.close()


def test_a_server_that_never_answers_costs_the_bound_and_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(DatabaseUnreachable, match="Postgres cannot be reached"):
            migrate(f"postgresql://directpay:pw@127.0.0.1:{port}/directpay", analyst_password="analyst")
        assert time.monotonic() - started < CONNECT_S_MAX + SLACK_S
