"""What every end-to-end test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.tenancy import Tenancy


@pytest.fixture(scope="session", autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    Tenancy.close_all()
