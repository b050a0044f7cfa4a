"""The reconciler at work: one thread takes files and writes, one answers; a loop looks into the folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import structlog
from confluent_kafka import KafkaException

from reconciliation import metrics
from reconciliation.book import Book, Item
from reconciliation.reconciliation_log import ReconciliationLog
from reconciliation.statement_desk import StatementDesk, Taken, Wanted
from reconciliation.statements.faults import InvalidStatement
from reconciliation.watched_folder import WatchedFolder
from schemas.reconciliation import SETTLED, ItemResolution, StatementProof

log = structlog.get_logger(__name__)

T = TypeVar("T")

# For files, and whether another reconciler has written.
LOOK_S = 1.0


class NoSuchItem(Exception):
    """No item of the caller's has this id."""


class AlreadyResolved(Exception):
    """The item was dealt with otherwise, or there is nothing to be dealt with."""


class PaymentsNotKnown(Exception):
    """Kafka does not tell which payments there are: nothing was compared."""


class Resolved(NamedTuple):
    """An item with its resolution; `is_replay`: it had this one before."""

    item: Item
    is_replay: bool


class Failed(Exception):
    """The reconciler can no longer write, and ends."""


REFUSALS = (NoSuchItem, AlreadyResolved, PaymentsNotKnown)


class Reconciler:
    """Takes statements and answers for them. The book lies in `path`."""

    def __init__(
        self,
        reconciliation_log: ReconciliationLog,
        path: Path,
        now_us: Callable[[], int],
        own_accounts: frozenset[str],
        folder: WatchedFolder | None = None,
    ) -> None:
        self._log = reconciliation_log
        self._desk = StatementDesk(lambda: reconciliation_log.book, reconciliation_log, now_us, own_accounts)
        self._now_us = now_us
        self._folder = folder
        self._answering = Book(path)
        self._threads = {
            name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"reconciliation-{name}")
            for name in ("writer", "answers")
        }
        self._failure: BaseException | None = None

    @property
    def failure(self) -> BaseException | None:
        """Why nothing can be written any more; then the process ends."""
        return self._failure

    async def take(self, file: BinaryIO, wanted: Wanted) -> Taken:
        """Compare a file with all payments that are decided by now. Raises InvalidStatement."""
        return await self._write(partial(self._take, file, wanted))

    async def proofs(self, import_id: str, limit: int) -> list[StatementProof]:
        """Return the proofs of a file, those that do not hold first."""
        return await self._run("answers", partial(self._answering.proofs, import_id, limit))

    async def items(self, tenant_id: str, state: str | None, *, after: int, limit: int) -> list[Item]:
        return await self._run("answers", partial(self._answering.items, tenant_id, state, after=after, limit=limit))

    async def resolve(self, wanted: ItemResolution) -> Resolved:
        """Have an item resolved; the same again changes nothing. Raises NoSuchItem and AlreadyResolved."""
        return await self._write(partial(self._resolve, wanted))

    async def work(self) -> None:
        """Take what lies in the folder, and see that nobody else writes, until cancelled."""
        while True:
            await self._write(self._log.require_unsuperseded)
            await self._take_incoming()
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        for thread in self._threads.values():
            thread.shutdown()
        self._answering.close()
        await asyncio.to_thread(self._log.close)

    def _take(self, file: BinaryIO, wanted: Wanted) -> Taken:
        try:
            # Not as they come: in bulk a payment's newest record is read and the others are passed over.
            self._log.payments.catch_up()
        except KafkaException as error:
            raise PaymentsNotKnown(str(error)) from error
        taken = self._desk.take(file, wanted)
        if not taken.is_replay:
            metrics.UNPROVEN.inc(taken.done.unproven)
        return taken

    def _resolve(self, wanted: ItemResolution) -> Resolved:
        found = self._log.book.find(wanted.finding_id)
        if found is None or found[0].tenant_id != wanted.tenant_id:
            raise NoSuchItem(wanted.finding_id)
        finding, before = found
        if finding.verdict in SETTLED:
            raise AlreadyResolved(f"the item is {finding.verdict.value}: there is nothing to resolve")
        if before is not None and (before.resolution, before.note) != (wanted.resolution, wanted.note):
            raise AlreadyResolved(f"the item was resolved by {before.resolved_by}: {before.resolution.value}")
        if before is None:
            self._log.append([wanted])
        item = Item(number=0, finding=finding, resolution=before or wanted)
        return Resolved(item, is_replay=before is not None)

    async def _take_incoming(self) -> None:
        if self._folder is None:
            return
        for path in await asyncio.to_thread(self._folder.incoming):
            try:
                with path.open("rb") as file:
                    await self.take(file, Wanted(name=path.name))
            except InvalidStatement as invalid:
                log.error("statement_refused", name=path.name, fault=str(invalid))
                await asyncio.to_thread(self._folder.refuse, path, str(invalid))
            except (OSError, PaymentsNotKnown) as error:
                # It lies there still, and is taken when it can be.
                log.error("statement_not_taken", name=path.name, error=str(error))
            else:
                await asyncio.to_thread(self._folder.done, path)

    async def _write(self, work: Callable[[], T]) -> T:
        """Work in the thread that writes. What fails there leaves the log's state unknown: nothing is written after."""
        if self._failure is not None:
            raise Failed from self._failure
        try:
            return await self._run("writer", work)
        except InvalidStatement:
            # It is the file's fault: nothing was written.
            metrics.REFUSED.inc()
            raise
        except REFUSALS:
            raise
        except Exception as error:
            self._failure = error
            raise

    async def _run(self, thread: str, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads[thread], work)
