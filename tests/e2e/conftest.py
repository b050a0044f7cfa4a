"""What every end-to-end test shares."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local_stack.stack import LocalStack
from tests.e2e.tenancy import Tenancy

RAIL_SPEED = 20.0


# Of this package, not of the session: nine processes that have nothing to do take a third of a core from other tests.
# One process of `make test` runs all of the package (tests/one_process_a_stack.py).
@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    """The whole running system, rails 20 times as fast; shared by these tests, so use a tenant of your own."""
    folder = Path(tempfile.mkdtemp(prefix="directpay-stack-"))
    running = LocalStack(folder, rail_speed=RAIL_SPEED)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    Tenancy.close_all()
