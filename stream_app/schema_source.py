"""Schemas that this process was not built with: an unknown id is asked for, and only a definite no is poison."""

from __future__ import annotations

import time

import httpx
import structlog

from schemas import codec
from stream_app.exactly_once.lane import Lane

REQUEST_S_MAX = 5.0
BACKOFF_S_FIRST = 0.5
BACKOFF_S_MAX = 15.0
# A no is asked for again after this long: the schema may have been published meanwhile.
NO_S = 60.0
NO_MAX = 10_000  # Random bytes look like ids; their noes must not fill the memory.

log = structlog.get_logger()


class SchemaSource:
    """Asks the registry's read API (`GET {url}/schemas/ids/{id}`); without one, an unknown id is a definite no."""

    def __init__(self, url: str | None) -> None:
        self._url = None if url is None else url.rstrip("/")
        self._no_at: dict[int, float] = {}

    def is_absent(self, schema_id: int) -> bool:
        """Say whether the registry has said, lately, that it has no such schema."""
        said_at = self._no_at.get(schema_id)
        return said_at is not None and time.monotonic() - said_at < NO_S

    async def resolve(self, schema_id: int, lane: Lane) -> None:
        """Learn the schema, or that there is none; wait, this lane only, while nobody can say."""
        backoff_s = BACKOFF_S_FIRST
        while not await self._ask(schema_id):
            await lane.wait(backoff_s, what=f"schema {schema_id}")
            backoff_s = min(2 * backoff_s, BACKOFF_S_MAX)

    async def _ask(self, schema_id: int) -> bool:
        if self._url is None:
            self._say_no(schema_id, "no registry is configured")
            return True
        try:
            async with httpx.AsyncClient(timeout=REQUEST_S_MAX) as client:
                answer = await client.get(f"{self._url}/schemas/ids/{schema_id}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                self._say_no(schema_id, "the registry does not know it")
                return True
            schema = answer.raise_for_status().json()["schema"]
            if not isinstance(schema, str):
                raise TypeError("the answer's schema is not text")
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("schema_not_resolved", schema_id=schema_id, error=repr(error))
            return False
        codec.register(schema_id, schema)
        log.info("schema_resolved", schema_id=schema_id)
        return True

    def _say_no(self, schema_id: int, why: str) -> None:
        log.warning("schema_unknown", schema_id=schema_id, why=why)
        if len(self._no_at) >= NO_MAX:
            self._no_at.clear()
        self._no_at[schema_id] = time.monotonic()
