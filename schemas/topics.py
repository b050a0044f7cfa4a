"""The topics: name, key, value, partitions, cleanup, retention; one row each. Nothing else says what a topic is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# Never changed in place: a key's partition, and with it the place of a payment's state, follows from this number.
PARTITIONS_DEFAULT = 8

# Below librdkafka's default limit of 1,000,000 bytes for one message, so that whatever was accepted can be written
# again (forwarded, copied); the broker alone would take a little more.
RECORD_BYTES_MAX = 900_000
# The broker's limit for a batch (its default). It is of compressed bytes: RECORD_BYTES_MAX is checked as well.
BATCH_BYTES_MAX = 1_048_588

DAY_MS = 24 * 60 * 60 * 1000
FOREVER_MS = -1


class Cleanup(StrEnum):
    """What Kafka may remove."""

    DELETE = "delete"  # Records older than the retention.
    COMPACT = "compact"  # Records that have a newer one of the same key.


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a topic is. `values` are the full names of its records; `key` says what its keys are.

    `co_partitioned` topics all have the same number of partitions, and equal keys (or a payment's command and its
    events) stand on the same number. `partitions` is a number of its own, which no setting changes.
    """

    name: str
    key: str
    values: tuple[str, ...]
    doc: str
    cleanup: Cleanup
    co_partitioned: bool = True
    partitions: int | None = None
    retention_ms: int | None = None
    min_compaction_lag_ms: int | None = None
    # The broker stamps records, so that retention does not believe a caller's clock.
    broker_time: bool = False
    # Holds secrets (sealed): only the processes that need them may read it.
    restricted: bool = False

    def partitions_of(self, partitions: int) -> int:
        """Return how many partitions it gets where the setting says `partitions`."""
        return self.partitions or partitions

    @property
    def settings(self) -> Mapping[str, str]:
        """Return Kafka's settings of the topic by Kafka's names."""
        settings = {
            "cleanup.policy": self.cleanup.value,
            "max.message.bytes": str(BATCH_BYTES_MAX),
            "message.timestamp.type": "LogAppendTime" if self.broker_time else "CreateTime",
        }
        if self.retention_ms is not None:
            settings["retention.ms"] = str(self.retention_ms)
        if self.min_compaction_lag_ms is not None:
            settings["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        return settings


PAYMENT_COMMANDS = Topic(
    name="payment-commands",
    key="{tenant}:{idempotency_key} of the payment",
    values=(
        "io.directpay.InitiatePayment",
        "io.directpay.CancelPayment",
        "io.directpay.RefundPayment",
    ),
    doc="What is asked of payments. Whoever may write here is trusted for every tenant.",
    cleanup=Cleanup.DELETE,
    # Deleted behind the decision, not by age: an outage of a week must not lose a command.
    retention_ms=FOREVER_MS,
    broker_time=True,
)
RAIL_REPORTS = Topic(
    name="rail-reports",
    key="{tenant}:{idempotency_key} of the payment",
    values=(
        "io.directpay.RailReport",
        "io.directpay.RefundReport",
        "io.directpay.InitiateRefund",
        "io.directpay.CancelPayment",
    ),
    doc="What rails say of payments, and what a payment and its refunds order of each other.",
    cleanup=Cleanup.DELETE,
    retention_ms=FOREVER_MS,
    broker_time=True,
)
PAYMENT_EVENTS = Topic(
    name="payment-events",
    key="payment_id",
    values=("io.directpay.PaymentEvent",),
    doc="Each payment after each of its transitions, with its whole history; on the partition of its command.",
    cleanup=Cleanup.COMPACT,
    # A subscriber that is less than this behind sees each transition as a record of its own.
    min_compaction_lag_ms=7 * DAY_MS,
)
PAYMENT_REJECTIONS = Topic(
    name="payment-rejections",
    key="the refused record's key",
    values=("io.directpay.PaymentRejection",),
    doc="Input that was refused, and why.",
    cleanup=Cleanup.DELETE,
    # Nothing is looked up by its partition. It starts with as many as the others, so that a transaction on one
    # partition of the input does not hold back the readers of another's rejections.
    co_partitioned=False,
    retention_ms=30 * DAY_MS,
)
DIRECTORY_COMMANDS = Topic(
    name="directory-commands",
    key="entity_id",
    values=("io.directpay.DirectoryCommand",),
    doc="What is asked of users, bank accounts, properties, leases, tenants and API keys.",
    cleanup=Cleanup.DELETE,
    retention_ms=FOREVER_MS,
    broker_time=True,
    restricted=True,
)
DIRECTORY_EVENTS = Topic(
    name="directory-events",
    key="entity_id",
    values=("io.directpay.DirectoryEvent",),
    doc="Each entity of the directory after its newest change, without secrets.",
    cleanup=Cleanup.COMPACT,
)
DIRECTORY_SECRETS = Topic(
    name="directory-secrets",
    key="entity_id",
    values=("io.directpay.DirectorySecret",),
    doc="The sealed secrets of the directory.",
    cleanup=Cleanup.COMPACT,
    restricted=True,
)
ACH_ORIGINATION = Topic(
    name="ach-origination",
    key="reference of the payment, or the number of the file, or the hash of the file that was read",
    values=(
        "io.directpay.AchPayment",
        "io.directpay.AchCutOff",
        "io.directpay.AchDelivery",
        "io.directpay.AchSettlement",
        "io.directpay.AchReturn",
        "io.directpay.AchNotice",
    ),
    doc="What goes into which ACH file, and what came back: one order over all of it, from which every file follows.",
    cleanup=Cleanup.DELETE,
    # Where a file ends is a place among all entries, so there is one order of them.
    co_partitioned=False,
    partitions=1,
    # Returns come after 60 days, questions after years.
    retention_ms=FOREVER_MS,
    restricted=True,
)
RECONCILIATION = Topic(
    name="reconciliation",
    key="finding_id, or import_id",
    values=(
        "io.directpay.StatementFinding",
        "io.directpay.StatementImport",
        "io.directpay.StatementProof",
        "io.directpay.ItemResolution",
    ),
    doc="What was found in bank statements, booking by booking, and what was done about it.",
    cleanup=Cleanup.DELETE,
    # Whether a booking is the first of a payment depends on all before it, so there is one order of them.
    co_partitioned=False,
    partitions=1,
    # The books of a year are asked about years later.
    retention_ms=FOREVER_MS,
    # Bank statements: account numbers, and what banks write of account holders.
    restricted=True,
)
WEBHOOK_DELIVERIES = Topic(
    name="webhook-deliveries",
    key="endpoint_id",
    values=("io.directpay.WebhookDelivery",),
    doc="Each attempt to deliver an event to a webhook endpoint; on the partition of the payment's events.",
    cleanup=Cleanup.DELETE,
    # Longer than the whole retry schedule (about 75 hours): what is due is rebuilt from it. And what is older cannot be
    # replayed.
    retention_ms=30 * DAY_MS,
)
WEBHOOK_REQUESTS = Topic(
    name="webhook-requests",
    key="endpoint_id",
    values=("io.directpay.WebhookReplay",),
    doc="What is to be delivered again. Whoever may write here is trusted for every tenant.",
    cleanup=Cleanup.DELETE,
    # Few, and each concerns every partition of webhook-deliveries: one order of them has one place to be remembered.
    co_partitioned=False,
    partitions=1,
    # Not longer than what could be delivered again.
    retention_ms=30 * DAY_MS,
)

TOPICS = (
    PAYMENT_COMMANDS,
    RAIL_REPORTS,
    PAYMENT_EVENTS,
    PAYMENT_REJECTIONS,
    DIRECTORY_COMMANDS,
    DIRECTORY_EVENTS,
    DIRECTORY_SECRETS,
    ACH_ORIGINATION,
    RECONCILIATION,
    WEBHOOK_DELIVERIES,
    WEBHOOK_REQUESTS,
)
