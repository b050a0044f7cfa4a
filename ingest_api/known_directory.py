"""The directory as this API process knows it: read from the log into memory, so that it is there with Postgres down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from confluent_kafka import Message

from directory.changes import DirectoryRecord, DirectorySecret, State
from directory.entities import Kind
from directory.register import Entry, Register
from directory.sealing import Sealed
from ingest_api.refusals import LogUnreachable
from kafka_log.fold import LogFold
from schemas.codec import decode
from schemas.topics import DIRECTORY_EVENTS, DIRECTORY_SECRETS

CATCH_UP_S_MAX = 1.5  # Longer than any healthy broker's answer, well inside the time of a 503.

# Those of the others are opened elsewhere.
_KEPT_SECRETS = frozenset({Kind.API_KEY, Kind.WEBHOOK_ENDPOINT})
# Their ids come from what they are called, so that the id alone does not tell under which key one was made.
_NAMED = frozenset({Kind.USER, Kind.TENANT})

Condition = Callable[[Entry], bool]
Apply = Callable[[str, Message], None]


class Fold(Protocol):
    """What is needed of `kafka_log.fold.LogFold`."""

    failed: BaseException | None

    @property
    def ready(self) -> bool: ...
    @property
    def progress(self) -> int: ...

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def catch_up(self, timeout_s: float) -> bool: ...


def fold_of_the_log(bootstrap: str, *, client_id: str) -> Callable[[Apply], Fold]:
    """Return what makes the fold of the directory's topics."""
    topics = [DIRECTORY_EVENTS.name, DIRECTORY_SECRETS.name]
    return lambda apply: LogFold(bootstrap, topics, apply, client_id=client_id)


class KnownDirectory:
    """Entities, API keys' hashes and webhook endpoints' secrets from the log. The fold's thread writes, the event loop
    reads and waits."""

    def __init__(self, fold_into: Callable[[Apply], Fold]) -> None:
        self._register = Register(keeps_secret=lambda secret: secret.kind in _KEPT_SECRETS)
        self._fold = fold_into(self._apply)
        self._made_by: dict[str, str] = {}
        self._endpoints: dict[str, set[str]] = {}
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catch-up")
        self._running: asyncio.Future[bool] | None = None
        self._next: asyncio.Future[bool] | None = None

    def start(self) -> None:
        """Begin to read; call it on the event loop that will ask."""
        self._loop = asyncio.get_running_loop()
        self._fold.start()

    def stop(self) -> None:
        self._fold.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def is_ready(self) -> bool:
        return self._fold.ready

    @property
    def progress(self) -> int:
        """How much of the directory was read: grows with every record."""
        return self._fold.progress

    @property
    def failed(self) -> BaseException | None:
        """What ended the reading: from then on the process answers from a directory that no longer grows."""
        return self._fold.failed

    def get(self, entity_id: str) -> Entry | None:
        return self._register.get(entity_id)

    def secret(self, entity_id: str) -> Sealed | None:
        return self._register.secret(entity_id)

    def made_by(self, command_id: str) -> str | None:
        """Return the id of the user or tenant that a command has created."""
        return self._made_by.get(command_id)

    def webhook_endpoints(self, tenant_id: str) -> int:
        """Return how many webhook endpoints a tenant has, without the deleted ones."""
        return len(self._endpoints.get(tenant_id, ()))

    async def catch_up(self) -> bool:
        """Read to the log's ends as of now; False when Kafka does not answer in time.

        Everybody who asks while one reading is under way shares the next: that one began after they asked.
        """
        if self._running is None:
            self._running = self._read_to_the_ends()
            return await asyncio.shield(self._running)
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
        return await asyncio.shield(self._next)

    async def learn(self, entity_ids: Iterable[str]) -> None:
        """Make sure that what is unknown afterwards does not exist: another process may just have created it.

        Raises LogUnreachable when that cannot be told.
        """
        unknown = [entity_id for entity_id in entity_ids if self.get(entity_id) is None]
        if unknown and not await self.catch_up() and any(self.get(entity_id) is None for entity_id in unknown):
            raise LogUnreachable

    async def learn_key(self, key_id: str) -> None:
        """Make sure that an API key works here if it works anywhere: it and its hash arrive on two topics.

        Raises LogUnreachable when that cannot be told.
        """
        if self._lacks_key(key_id) and not await self.catch_up() and self._lacks_key(key_id):
            raise LogUnreachable

    def _lacks_key(self, key_id: str) -> bool:
        entry = self.get(key_id)
        if entry is None:
            return True
        return entry.kind is Kind.API_KEY and entry.is_active and self.secret(key_id) is None

    async def wait_for(self, entity_id: str, condition: Condition, timeout_s: float) -> Entry | None:
        """Return the entity once it is as it should be, or None when that takes longer than `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        event = asyncio.Event()
        waiting = self._waiting.setdefault(entity_id, [])
        waiting.append(event)
        try:
            while True:
                event.clear()
                entry = self.get(entity_id)
                if entry is not None and condition(entry):
                    return entry
                try:
                    await asyncio.wait_for(event.wait(), max(0.0, deadline - time.monotonic()))
                except TimeoutError:
                    return None
        finally:
            waiting.remove(event)
            if not waiting:
                self._waiting.pop(entity_id, None)

    def _read_to_the_ends(self) -> asyncio.Future[bool]:
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._fold.catch_up, CATCH_UP_S_MAX)
        reading.add_done_callback(self._done)
        return reading

    async def _after(self, running: asyncio.Future[bool]) -> bool:
        await asyncio.wait([running])
        self._next = None
        self._running = self._read_to_the_ends()
        return await asyncio.shield(self._running)

    def _done(self, reading: asyncio.Future[bool]) -> None:
        if self._running is reading:
            self._running = None

    def _apply(self, _topic: str, message: Message) -> None:
        data = message.value()
        if data is None:
            return
        value = decode(data)
        if isinstance(value, DirectoryRecord):
            self._register.apply_event(value)
            if value.kind in _NAMED:
                self._made_by[value.created_by] = value.entity_id
            if value.kind is Kind.WEBHOOK_ENDPOINT:
                self._count_endpoint(value)
        elif isinstance(value, DirectorySecret):
            self._register.apply_secret(value)
        else:
            raise TypeError(f"{type(value).__name__} does not belong in the directory's topics")
        if value.entity_id in self._waiting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, value.entity_id)

    def _count_endpoint(self, record: DirectoryRecord) -> None:
        ids = self._endpoints.setdefault(record.tenant_id, set())
        if record.state is State.ACTIVE:
            ids.add(record.entity_id)
        else:
            ids.discard(record.entity_id)

    def _wake(self, entity_id: str) -> None:
        for event in self._waiting.get(entity_id, ()):
            event.set()
