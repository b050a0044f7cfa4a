"""Canaries: a payment on every partition, asked for until it is completed. When it is, everything on its way works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

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

    async def sing(self, name: str, *, is_hopeless: Callable[[], bool]) -> bool:
        """Say whether new payments, one on each partition, were completed for all to see before it was hopeless.

        All that stood before them on their partitions has then been decided and projected.
        """
        singing = asyncio.create_task(self._complete(list(self._keys(name))))
        try:
            while not singing.done():
                if is_hopeless():
                    return False
                await asyncio.wait([singing], timeout=POLL_S)
            return singing.result()
        finally:
            singing.cancel()
            await asyncio.gather(singing, return_exceptions=True)

    async def _complete(self, keys: list[str]) -> bool:
        """Return when all are completed, or at once when one is refused."""
        said = await asyncio.gather(*(self._accepted(key) for key in keys))
        waiting = keys
        while all(said) and waiting:
            waiting = [key for key in waiting if await self._callers.status_of(key) != "completed"]
            await asyncio.sleep(POLL_S if waiting else 0)
        return all(said)

    async def _accepted(self, key: str) -> bool:
        while (said := await self._callers.pay(Request(key=key, terms=self._terms))) is Said.UNKNOWN:
            continue  # It has waited long between its tries.
        return said is Said.ACCEPTED

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
