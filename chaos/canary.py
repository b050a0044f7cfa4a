"""Canaries: a payment on every partition, asked for until it is completed. When it is, everything on its way works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from chaos.answers import Said, Terms
from chaos.http_callers import HttpCallers, Request
from payments.idempotency import payment_key
from payments.rails import Rail
from schemas.partitioning import partition_of

POLL_S = 0.1
AMOUNT_MINOR = 100


class Canaries:
    """Sends canaries of one tenant; they are payments like all others, and the oracle judges them too."""

    def __init__(self, callers: HttpCallers, *, tenant_id: str, payer: str, payee: str, partitions: int) -> None:
        self._callers = callers
        self._tenant_id = tenant_id
        self._partitions = partitions
        self._terms = Terms(payer=payer, payee=payee, amount_minor=AMOUNT_MINOR, rail=Rail.INSTANT.value)

    async def sing(self, name: str, *, within_s: float) -> bool:
        """Say whether new payments, one on each partition, are completed for all to see `within_s` seconds from now.

        All that stood before them on their partitions has then been decided and projected.
        """
        deadline = time.monotonic() + within_s
        keys = list(self._keys(name))
        try:
            async with asyncio.timeout(within_s):
                said = await asyncio.gather(*(self._callers.pay(Request(key=key, terms=self._terms)) for key in keys))
        except TimeoutError:
            return False
        waiting = keys if all(each is Said.ACCEPTED for each in said) else []
        is_alive = bool(waiting)
        while waiting and time.monotonic() < deadline:
            waiting = [key for key in waiting if await self._callers.status_of(key) != "completed"]
            await asyncio.sleep(POLL_S if waiting else 0)
        return is_alive and not waiting

    def _keys(self, name: str) -> Iterator[str]:
        """Yield a key for each partition."""
        wanted, number = set(range(self._partitions)), 0
        while wanted:
            key = f"canary-{name}-{number}"
            partition = partition_of(payment_key(self._tenant_id, key), self._partitions)
            number += 1
            if partition in wanted:
                wanted.discard(partition)
                yield key
