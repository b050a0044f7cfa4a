"""The third step: what the bank tells of its own accord, from its feed to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from rails import metrics
from rails.backoff import Backoff
from rails.bank import OUTCOMES_MAX, Bank, BankUnavailable, Outcome
from rails.bank_desk import reports_of
from rails.reporter import Reporter

log = structlog.get_logger(__name__)

WAIT_S = 5.0  # A long poll's length.


class OutcomeReader:
    """Reads the feed while it is this gateway's to read; the cursor moves only behind what Kafka has acknowledged.

    One gateway reads: the one that has the first partition. Two would do no harm, since reports have derived ids.
    """

    def __init__(
        self,
        bank: Bank,
        reporter: Reporter,
        *,
        reported: Callable[[Sequence[Outcome]], None],
        reported_until: Callable[[str], None],
    ) -> None:
        self._bank = bank
        self._reporter = reporter
        self._reported = reported
        self._reported_until = reported_until
        self._cursor: str | None = None
        self._is_ours = asyncio.Event()

    def start(self, cursor: str) -> None:
        """Read from `cursor` on, or from where we left off. An older one than need be repeats what was heard."""
        if self._cursor is None:
            self._cursor = cursor
        self._is_ours.set()

    def stop(self) -> None:
        """Read no further; a page in hand is still reported."""
        self._is_ours.clear()

    async def work(self) -> None:
        """Read until cancelled, while it is ours to read."""
        backoff = Backoff()
        while True:
            await self._is_ours.wait()
            assert self._cursor is not None
            try:
                page = await self._bank.outcomes(self._cursor, OUTCOMES_MAX, WAIT_S)
            except BankUnavailable as error:
                metrics.UNANSWERED.labels("outcomes").inc()
                log.warning("outcome_feed_not_read", error=str(error))
                await backoff.wait()
                continue
            backoff.succeeded()
            await self._reporter.tell(reports_of(page.outcomes))
            self._reported(page.outcomes)
            if page.cursor != self._cursor:
                self._cursor = page.cursor
                self._reported_until(page.cursor)
