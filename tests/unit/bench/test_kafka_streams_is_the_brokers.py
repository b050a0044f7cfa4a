"""The Kafka Streams peer runs on the broker's jars, and on no file that was not reviewed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from bench.peers.kafka_streams.jars import AVRO, JARS, KAFKA_STREAMS, require_sha256
from cli.local_stack.kafka_jars import KAFKA_VERSION
from cli.local_stack.trouble import DownloadFailed


def test_it_is_of_the_brokers_version() -> None:
    # Its clients are the broker's jars: of another version it would run on a mixture.
    assert KAFKA_STREAMS.version == KAFKA_VERSION


def test_a_jar_that_is_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / AVRO.name
    path.write_bytes(b"not the jar")
    with pytest.raises(DownloadFailed, match="SHA-256"):
        require_sha256(AVRO, path)
    require_sha256(replace(AVRO, sha256=hashlib.sha256(b"not the jar").hexdigest()), path)


def test_every_jar_has_a_sum_of_its_own() -> None:
    assert len({bytes.fromhex(jar.sha256) for jar in JARS}) == len(JARS)
