"""What the dispatcher counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("directpay_webhooks_records_total", "Records of payment-events that were read.")
UNREADABLE = Counter(
    "directpay_webhooks_unreadable_total",
    "Records of payment-events and webhook topics that are none of ours: skipped.",
)
ATTEMPTS = Counter("directpay_webhooks_attempts_total", "Attempts that are on the log.", ["outcome"])
ANSWER_S = Histogram(
    "directpay_webhooks_answer_seconds",
    "How long endpoints took to answer.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 15.0),
)
LOG_FAILURES = Counter("directpay_webhooks_log_failures_total", "Attempts to write that Kafka did not acknowledge.")
DISABLED = Counter("directpay_webhooks_disabled_total", "Endpoints that were disabled.", ["reason"])
REPLAYS = Counter("directpay_webhooks_replays_total", "Requests to deliver again that were begun.")
NOTICES = Counter("directpay_webhooks_notices_total", "Disabled endpoints that others were, or could be, told of.")
DUE = Gauge("directpay_webhooks_due", "Events that endpoints are still to be told of.")
OLDEST_DUE_S = Gauge("directpay_webhooks_oldest_due_seconds", "How late the one that waits longest is.")
IN_FLIGHT = Gauge("directpay_webhooks_in_flight", "Requests that wait for an answer.")
PARTITIONS = Gauge("directpay_webhooks_partitions", "Partitions of payment-events that this dispatcher has.")
