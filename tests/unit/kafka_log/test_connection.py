"""What librdkafka says is logged, but not twenty times a second."""

from __future__ import annotations

import logging

import pytest

from kafka_log.connection import LIBRDKAFKA_LOG, SeldomRepeated, consumer_settings, producer_settings
from kafka_log.producer import LogProducer


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("librdkafka", logging.ERROR, __file__, 1, "%s", (text,), None)


def test_the_same_line_is_let_through_once() -> None:
    seldom = SeldomRepeated()
    assert [seldom.filter(line(text)) for text in ("a", "a", "b", "a", "b")] == [True, False, True, False, False]


def test_the_filter_remembers_a_bounded_number_of_lines() -> None:
    seldom = SeldomRepeated()
    assert all(seldom.filter(line(str(number))) for number in range(5000))
    assert len(seldom._said_at) <= 1000


def test_the_logger_has_the_filter() -> None:
    assert any(isinstance(found, SeldomRepeated) for found in LIBRDKAFKA_LOG.filters)


def test_a_producer_is_durable_and_places_keys_as_we_look_for_them() -> None:
    settings = producer_settings("127.0.0.1:1", "test", linger_ms=5)
    assert settings["acks"] == "all"
    assert settings["enable.idempotence"] is True
    assert settings["partitioner"] == "murmur2_random"


def test_a_consumer_never_replaces_a_position_by_another() -> None:
    settings = consumer_settings("127.0.0.1:1", "test", "group", isolation="read_committed")
    assert settings["auto.offset.reset"] == "error"
    assert settings["enable.auto.commit"] is False
    assert settings["isolation.level"] == "read_committed"


def test_a_bound_that_librdkafka_could_not_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        LogProducer("127.0.0.1:1", client_id="test", delivery_timeout_s=1)
