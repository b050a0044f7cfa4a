"""The table of topics keeps the promises that are made of them."""

from __future__ import annotations

import pytest

from schemas.topics import (
    ACH_ORIGINATION,
    BATCH_BYTES_MAX,
    DIRECTORY_COMMANDS,
    DIRECTORY_EVENTS,
    DIRECTORY_SECRETS,
    PAYMENT_COMMANDS,
    PAYMENT_EVENTS,
    PAYMENT_REJECTIONS,
    RAIL_REPORTS,
    RECONCILIATION,
    RECORD_BYTES_MAX,
    TOPICS,
    WEBHOOK_DELIVERIES,
    Topic,
)


def test_names_are_the_contract_s() -> None:
    assert [topic.name for topic in TOPICS] == [
        "payment-commands", "rail-reports", "payment-events", "payment-rejections",
        "directory-commands", "directory-events", "directory-secrets", "ach-origination", "reconciliation",
        "webhook-deliveries", "webhook-requests",
    ]  # fmt: skip


@pytest.mark.parametrize("topic", [PAYMENT_COMMANDS, RAIL_REPORTS, DIRECTORY_COMMANDS], ids=lambda topic: topic.name)
def test_input_is_never_deleted_by_age_and_stamped_by_the_broker(topic: Topic) -> None:
    assert topic.settings["cleanup.policy"] == "delete"
    assert topic.settings["retention.ms"] == "-1"
    assert topic.settings["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize("topic", [PAYMENT_EVENTS, DIRECTORY_EVENTS, DIRECTORY_SECRETS], ids=lambda topic: topic.name)
def test_state_is_compacted_and_never_deleted(topic: Topic) -> None:
    assert topic.settings["cleanup.policy"] == "compact"
    assert "retention.ms" not in topic.settings


def test_each_transition_stays_a_record_of_its_own_for_seven_days() -> None:
    assert PAYMENT_EVENTS.settings["min.compaction.lag.ms"] == str(7 * 24 * 3600 * 1000)


def test_rejections_are_kept_for_thirty_days() -> None:
    assert PAYMENT_REJECTIONS.settings["retention.ms"] == str(30 * 24 * 3600 * 1000)


def test_attempts_are_kept_for_longer_than_any_retry_waits() -> None:
    assert WEBHOOK_DELIVERIES.settings["retention.ms"] == str(30 * 24 * 3600 * 1000)


def test_all_topics_but_those_that_need_not_have_equally_many_partitions() -> None:
    assert [topic.name for topic in TOPICS if not topic.co_partitioned] == [
        "payment-rejections", "ach-origination", "reconciliation", "webhook-requests",
    ]  # fmt: skip


def test_logs_of_one_writer_have_one_order_whatever_the_setting_says_and_are_kept_for_ever() -> None:
    assert [topic.partitions_of(8) for topic in TOPICS] == [8] * 7 + [1, 1, 8, 1]
    for topic in (ACH_ORIGINATION, RECONCILIATION):
        assert topic.settings["cleanup.policy"] == "delete"
        assert topic.settings["retention.ms"] == "-1"


def test_only_topics_with_secrets_are_restricted() -> None:
    assert [topic.name for topic in TOPICS if topic.restricted] == [
        "directory-commands", "directory-secrets", "ach-origination", "reconciliation",
    ]  # fmt: skip


def test_a_record_that_was_accepted_fits_into_a_message_of_librdkafka() -> None:
    librdkafka_message_bytes_max = 1_000_000
    # With a key of 255 characters and a tenant of 64, in UTF-8, and headers.
    assert RECORD_BYTES_MAX + 4 * (255 + 1 + 64) + 2048 < librdkafka_message_bytes_max < BATCH_BYTES_MAX
