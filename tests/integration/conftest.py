"""What the tests of the stream app's processes share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kafka_log.topics_admin import apply_topics
from tests.integration.stream_worker import PARTITIONS, Stage


@pytest.fixture
def stage(kafka_bootstrap: str, tmp_path: Path) -> Iterator[Stage]:
    """The topics of the shared broker as this test finds them; its workers end with it."""
    apply_topics(kafka_bootstrap, PARTITIONS)
    stage = Stage(kafka_bootstrap, tmp_path)
    yield stage
    stage.close()
