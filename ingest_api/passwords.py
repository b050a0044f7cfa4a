"""Passwords as argon2id hashes, made beside the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from ingest_api.refusals import TooManyWaiting

HASHING_AT_ONCE_MAX = 2  # Each takes 64 MiB and a core for some 50 ms.
WAITING_MAX = 64  # Two seconds' worth: beyond it a caller is better told to come back.
PASSWORD_CHARACTERS_MAX = 1024


class PasswordHashing:
    """Hashes passwords; refuses when too many wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHING_AT_ONCE_MAX, thread_name_prefix="argon2")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the argon2id hash, or raise TooManyWaiting."""
        if self._waiting >= WAITING_MAX:
            raise TooManyWaiting
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)
        finally:
            self._waiting -= 1

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
