"""What the gateway counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

RECORDS = Counter("directpay_gateway_records_total", "Records of payment-events that were read.")
UNREADABLE = Counter("directpay_gateway_unreadable_total", "Records of payment-events that are no payment: skipped.")
CLAIMS = Counter("directpay_gateway_claims_total", "Payments claimed or refused by our own check.", ["verdict"])
ANSWERS = Counter("directpay_gateway_answers_total", "The bank's answers to submits and questions.", ["to", "standing"])
UNANSWERED = Counter("directpay_gateway_unanswered_total", "Instructions and questions without an answer.", ["to"])
REPORTS = Counter("directpay_gateway_reports_total", "Reports that Kafka has acknowledged.", ["report"])
LOG_FAILURES = Counter("directpay_gateway_log_failures_total", "Attempts to report that Kafka did not acknowledge.")
CANNOT_INSTRUCT = Counter(
    "directpay_gateway_cannot_instruct_total", "Instructions that could not be built: an account's numbers do not open."
)
STRANGE_OUTCOMES = Counter("directpay_gateway_strange_outcomes_total", "Outcomes that are about no payment of ours.")
IN_HAND = Gauge("directpay_gateway_in_hand", "Payments in memory, to be acted on soon.")
UNCLEAR = Gauge(
    "directpay_gateway_unclear_payments", "Processing payments of which the bank cannot tell what happened."
)
PARTITIONS = Gauge("directpay_gateway_partitions", "Partitions of payment-events that this gateway has.")
SAVE_S = Gauge("directpay_gateway_save_seconds", "How long the last save of the state took.")
