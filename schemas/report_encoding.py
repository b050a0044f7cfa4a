"""RailReport's Avro bytes, written directly: the gateway writes two for every payment.

The bytes are fastavro's for the newest RailReport schema (a test holds them equal); a change of the schema changes this
file.
"""

from __future__ import annotations

from payments.commands import RailReport, Report, ReportSource
from schemas.plain_avro import long_of, optional_of, text_of

_WORDS = {word.value: text_of(word.value) for words in (Report, ReportSource) for word in words}


def report_bytes(report: RailReport) -> bytes:
    """Return the Avro body of the report."""
    return b"".join(
        (
            text_of(report.tenant_id),
            text_of(report.idempotency_key),
            long_of(report.attempt),
            _WORDS[report.report],
            long_of(report.occurred_at_us),
            b"\0" if report.amount_minor is None else b"\2" + long_of(report.amount_minor),
            optional_of(report.code),
            optional_of(report.reason),
            _WORDS[report.source],
            optional_of(report.bank_reference),
        )
    )
