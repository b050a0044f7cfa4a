"""Connections to the views for readers who must not hang: every question is answered or refused in time."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

log = structlog.get_logger(__name__)

Row = tuple[Any, ...]

# What is left of a second after a socket was shut down is more than the event loop needs to notice it.
HANG_UP_S = 0.25
# The schema is not there yet (or is being replaced): the same to a reader as a database that is not there.
_NOT_THERE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.InvalidSchemaName,
    errors.InsufficientPrivilege,
)


class ViewsUnavailable(Exception):
    """Postgres did not answer in time, or cannot; nothing is known, and asking again later is safe."""


class _Call:
    """One question on its way: the connection that it is on, once it has one."""

    __slots__ = ("connection", "task")

    def __init__(self) -> None:
        self.connection: psycopg.AsyncConnection | None = None
        self.task: asyncio.Task[list[Row]] | None = None

    def give_up(self) -> None:
        """End the question now, whatever the server does.

        psycopg ends a cancelled query by asking the server to cancel it and waiting for that, which a server that is
        stopped (SIGSTOP, a partition) never answers. So our end of the socket is shut: libpq sees the end and fails.
        """
        if self.task is None or self.task.done():
            return
        if self.connection is None:
            self.task.cancel()
        elif not self.connection.closed:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as end:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("views_connection_was_gone")


class Connections:
    """At most `connections_max` connections, opened when they are needed and again when they broke."""

    def __init__(self, uri: str, *, connections_max: int, timeout_s: float) -> None:
        given = conninfo_to_dict(uri).get("options") or ""
        # The server gives up as well: a question that nobody waits for must not cost it anything.
        ours = "-c default_transaction_read_only=on -c timezone=UTC -c jit=off"
        ours += f" -c statement_timeout={int(timeout_s * 1000)}"
        # Rows are found by their keys, pages by an index. A plan that reads a young table whole is kept while it grows.
        ours += " -c enable_seqscan=off"
        self._uri = make_conninfo(uri, options=f"{given} {ours}".strip(), application_name="directpay-queries")
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(connections_max)
        # The last one used is the next one used, so that a quiet time leaves few connections warm.
        self._idle: list[psycopg.AsyncConnection] = []
        self._closed = False

    async def fetch(self, statement: LiteralString, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Return the rows, or raise ViewsUnavailable within the time-out."""
        call = _Call()
        call.task = asyncio.create_task(self._fetch(call, statement, parameters))
        call.task.add_done_callback(_seen)
        # A timer of its own: it also ends the question of a caller who was cancelled meanwhile.
        timer = asyncio.get_running_loop().call_later(self._timeout_s, call.give_up)
        call.task.add_done_callback(lambda _: timer.cancel())
        await asyncio.wait((call.task,), timeout=self._timeout_s + HANG_UP_S)
        if not call.task.done() or call.task.cancelled():
            raise ViewsUnavailable(f"no answer within {self._timeout_s} s")
        return call.task.result()

    async def close(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()

    async def _fetch(self, call: _Call, statement: LiteralString, parameters: Mapping[str, object] | None) -> list[Row]:
        async with self._places:
            while True:
                is_reused = bool(self._idle)
                try:
                    return await self._fetch_on(call, statement, parameters)
                except errors.QueryCanceled as error:
                    raise ViewsUnavailable("the question took too long") from error
                except (*_NOT_THERE, errors.FeatureNotSupported) as error:
                    # A connection that idled through a restart is broken, and so may the next be: until a new one.
                    # FeatureNotSupported is a prepared plan from before a migration.
                    if not is_reused:
                        raise ViewsUnavailable(str(error).strip().partition("\n")[0]) from error

    async def _fetch_on(
        self, call: _Call, statement: LiteralString, parameters: Mapping[str, object] | None
    ) -> list[Row]:
        connection = self._idle.pop() if self._idle else await self._connect()
        call.connection = connection
        is_kept = False
        try:
            cursor = await connection.execute(statement, parameters)
            rows = await cursor.fetchall()
            is_kept = not self._closed
        except errors.QueryCanceled:
            is_kept = not self._closed
            raise
        finally:
            call.connection = None
            if is_kept and not connection.closed:
                self._idle.append(connection)
            else:
                await connection.close()
        return rows

    async def _connect(self) -> psycopg.AsyncConnection:
        # Prepared at first use: the same few statements are asked for again and again.
        return await psycopg.AsyncConnection.connect(self._uri, autocommit=True, prepare_threshold=0)


def _seen(task: asyncio.Task[list[Row]]) -> None:
    """Take the exception of a question that nobody waits for any more, or asyncio reports it as lost."""
    if not task.cancelled():
        task.exception()
