"""Tells the log what the rails say, and counts a report as told when Kafka has acknowledged it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from kafka_log.producer import LogProducer, LogUnavailable, OutRecord
from payments.commands import RailReport
from rails import metrics
from rails.backoff import Backoff
from rails.reports import in_rounds
from schemas import codec
from schemas.topics import RAIL_REPORTS

log = structlog.get_logger(__name__)


class Reporter:
    """Appends to rail-reports, under the payment's key, where the payment's own decisions are made."""

    def __init__(self, producer: LogProducer) -> None:
        self._producer = producer

    async def try_to_tell(self, reports: Sequence[RailReport]) -> bool:
        """Append reports, at most one a payment; False when Kafka did not acknowledge all (some may be there)."""
        records = [OutRecord(topic=RAIL_REPORTS.name, key=each.key, value=codec.encode(each)) for each in reports]
        try:
            await self._producer.send_all(records)
        except LogUnavailable as error:
            metrics.LOG_FAILURES.inc()
            log.warning("reports_not_acknowledged", count=len(reports), error=str(error))
            return False
        for report, count in Counter(each.report.value for each in reports).items():
            metrics.REPORTS.labels(report).inc(count)
        return True

    async def tell(self, reports: Sequence[RailReport]) -> None:
        """Append reports in an order that keeps each payment's, again and again until Kafka has acknowledged them.

        A report has the same id whenever it is made, so one that is there twice changes nothing.
        """
        for group in in_rounds(reports):
            backoff = Backoff()
            while not await self.try_to_tell(group):
                await backoff.wait()
