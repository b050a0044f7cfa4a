"""The gateway's end of the line to the simulated bank: the port `rails.bank.Bank` over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import httpx
import msgspec

from rails.bank import INSTRUCTIONS_MAX, QUESTIONS_MAX, Answer, BankUnavailable, Instruction, OutcomePage
from rails.simulated.wire import Answers

ANSWER_S_MAX = 3.0  # Far longer than a healthy bank needs; what it does not answer is asked about.
CONNECT_S_MAX = 2.0
CONNECTIONS_MAX = 32

T = TypeVar("T")


class SimulatedBankConnection:
    """A `Bank` at `url`. Not an answer in time, a dropped connection or a 5xx: BankUnavailable."""

    def __init__(self, url: str, *, answer_s_max: float = ANSWER_S_MAX) -> None:
        self._answer_s_max = answer_s_max
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(answer_s_max, connect=CONNECT_S_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,
        )
        self._answers = msgspec.json.Decoder(Answers)
        self._outcomes = msgspec.json.Decoder(OutcomePage)

    async def close(self) -> None:
        await self._client.aclose()

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        assert 0 < len(instructions) <= INSTRUCTIONS_MAX
        body = msgspec.json.encode({"transfers": list(instructions)})
        return await self._post("/transfers", body)

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        assert 0 < len(references) <= QUESTIONS_MAX
        return await self._post("/transfers/ask", msgspec.json.encode({"references": list(references)}))

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        request = self._client.build_request(
            "GET",
            "/outcomes",
            params={"after": after, "limit": limit, "wait_s": wait_s},
            timeout=httpx.Timeout(self._answer_s_max + wait_s, connect=CONNECT_S_MAX),
        )
        return await self._send(request, self._outcomes)

    async def _post(self, path: str, body: bytes) -> dict[str, Answer]:
        request = self._client.build_request("POST", path, content=body, headers={"content-type": "application/json"})
        answers = await self._send(request, self._answers)
        return {each.reference: each for each in answers.answers}

    async def _send(self, request: httpx.Request, decoder: msgspec.json.Decoder[T]) -> T:
        try:
            response = await self._client.send(request)
        except httpx.HTTPError as error:
            raise BankUnavailable(f"{request.method} {request.url.path}: {type(error).__name__}") from error
        if response.status_code != 200:
            raise BankUnavailable(f"{request.method} {request.url.path}: answered {response.status_code}")
        try:
            return decoder.decode(response.content)
        except msgspec.DecodeError as error:
            raise BankUnavailable(f"{request.method} {request.url.path}: {error}") from error
