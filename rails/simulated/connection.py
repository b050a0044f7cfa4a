"""The gateway's end of the line to the simulated bank: the port `rails.bank.Bank` over HTTP.

With aiohttp, whose parser is C: a request costs a quarter of what it costs with httpx, and there are two a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec

from rails.bank import INSTRUCTIONS_MAX, QUESTIONS_MAX, Answer, BankUnavailable, Instruction, OutcomePage
from rails.simulated.wire import Answers

ANSWER_S_MAX = 3.0  # Far longer than a healthy bank needs; what it does not answer is asked about.
CONNECT_S_MAX = 2.0
CONNECTIONS_MAX = 32
IDLE_S_MAX = 4.0  # The bank closes a connection that was idle for 5 s: what is sent just then gets no answer.

T = TypeVar("T")


class SimulatedBankConnection:
    """A `Bank` at `url`, for the event loop in which it is made. Not an answer in time, a dropped connection or a 5xx:
    BankUnavailable."""

    def __init__(self, url: str, *, answer_s_max: float = ANSWER_S_MAX) -> None:
        self._url = url.rstrip("/")
        self._answer_s_max = answer_s_max
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=IDLE_S_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._answers = msgspec.json.Decoder(Answers)
        self._outcomes = msgspec.json.Decoder(OutcomePage)

    async def close(self) -> None:
        await self._session.close()

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        assert 0 < len(instructions) <= INSTRUCTIONS_MAX
        return await self._post("/transfers", {"transfers": instructions})

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        assert 0 < len(references) <= QUESTIONS_MAX
        return await self._post("/transfers/ask", {"references": references})

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        params = {"after": after, "limit": limit, "wait_s": wait_s}
        return await self._send("GET", "/outcomes", self._outcomes, self._answer_s_max + wait_s, params=params)

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Answer]:
        answers = await self._send("POST", path, self._answers, self._answer_s_max, data=msgspec.json.encode(body))
        return {each.reference: each for each in answers.answers}

    async def _send(self, method: str, path: str, decoder: msgspec.json.Decoder[T], s_max: float, **content: Any) -> T:
        timeout = aiohttp.ClientTimeout(total=s_max, sock_connect=CONNECT_S_MAX)
        try:
            async with self._session.request(
                method, self._url + path, timeout=timeout, allow_redirects=False, **content
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BankUnavailable(f"{method} {path}: {type(error).__name__}") from error
        if response.status != 200:
            raise BankUnavailable(f"{method} {path}: answered {response.status}")
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BankUnavailable(f"{method} {path}: {error}") from error
