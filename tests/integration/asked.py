"""One question to the views, on an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from projections.queries import Queries

Answer = TypeVar("Answer")


def ask(uri: str, question: Callable[[Queries], Awaitable[Answer]], *, timeout_s: float = 2.0) -> Answer:
    """Return the answer to a question that is asked of `uri`."""

    async def asked() -> Answer:
        queries = Queries.open(uri, timeout_s=timeout_s)
        try:
            return await question(queries)
        finally:
            await queries.close()

    return asyncio.run(asked())
