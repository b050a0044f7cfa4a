"""Clients over HTTP: they retry with the same key until they are told, and log what they were told."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from chaos.answers import Answer, AnswerLog, Ask, Channel, Said, Terms
from payments.idempotency import cancel_id, payment_id, refund_idempotency_key
from payments.money import format_amount

ANSWER_S_MAX = 10.0
CONNECTIONS_MAX = 100
# Longer than any fault and the recovery from it. A request that was never answered is neither accepted nor refused.
GIVE_UP_S = 180.0
BACKOFF_S_FIRST, BACKOFF_S_MAX = 0.2, 2.0
PAYMENTS = "/api/v1/payments/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A payment that somebody wants: its key and terms."""

    key: str
    terms: Terms

    @property
    def body(self) -> dict[str, str]:
        return {
            "idempotency_key": self.key,
            "payer_account_id": self.terms.payer,
            "payee_account_id": self.terms.payee,
            "amount": format_amount(self.terms.amount_minor),
            "payment_rail_type": self.terms.rail,
        }


class HttpCallers:
    """Any number of clients of one tenant. `statuses` counts the answers, None standing for none."""

    def __init__(
        self,
        http: str,
        *,
        tenant_id: str,
        api_key: str,
        answers: AnswerLog,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._tenant_id = tenant_id
        self._answers = answers
        self.statuses: Counter[int | None] = Counter()
        self._http = http
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._transport = transport
        self._tls = ssl.create_default_context()  # Made once: each client would read all certificates again.
        # Clients of one connection each, the last used first. One client for all asks the system about every idle
        # connection at every request (10 ms for a hundred of them), and looks through all requests that wait.
        self._lines = asyncio.Semaphore(CONNECTIONS_MAX)
        self._free: list[httpx.AsyncClient] = []

    async def close(self) -> None:
        for client in self._free:
            await client.aclose()

    async def pay(self, request: Request) -> Said:
        """Ask for one payment until there is an answer; return what was said last."""

        async def attempt() -> Said:
            status, body = await self._post(PAYMENTS, json=request.body)
            return self._told(request, Channel.HTTP, status, body)

        return await _until_told(attempt)

    async def pay_batch(self, requests: Sequence[Request]) -> None:
        """Ask for many payments in one request; those without an answer are sent again, alone with their like."""
        open_requests = list(requests)

        async def attempt() -> Said:
            nonlocal open_requests
            status, body = await self._post(f"{PAYMENTS}batch", json=[each.body for each in open_requests])
            results = body["results"] if status == 200 else [{"status": status, "problem": body}] * len(open_requests)
            assert len(results) == len(open_requests), "one result an item"
            told = [
                self._told(request, Channel.BATCH, result["status"], result.get("payment") or result["problem"])
                for request, result in zip(open_requests, results, strict=True)
            ]
            open_requests = [each for each, said in zip(open_requests, told, strict=True) if said is Said.UNKNOWN]
            return Said.UNKNOWN if open_requests else Said.ACCEPTED

        await _until_told(attempt)

    async def cancel(self, key: str, cancel_key: str) -> Said:
        """Ask for a payment to be cancelled until there is an answer."""
        of = payment_id(self._tenant_id, key)

        async def attempt() -> Said:
            status, body = await self._post(f"{PAYMENTS}{of}/cancel", headers={"Idempotency-Key": cancel_key})
            said = _said(status)
            self._answers.add(
                Answer(
                    at_us=time.time_ns() // 1000,
                    channel=Channel.HTTP,
                    ask=Ask.CANCEL,
                    payment_id=of,
                    said=said,
                    command_id=cancel_id(of, cancel_key),
                    status=status,
                    code=_code(body),
                )
            )
            return said

        return await _until_told(attempt)

    async def refund(self, key: str, refund_key: str, amount_minor: int | None) -> Said:
        """Ask for a refund of a payment, or of all that is left of it, until there is an answer."""
        of = payment_id(self._tenant_id, key)
        refund_id = payment_id(self._tenant_id, refund_idempotency_key(of, refund_key))
        wanted = {} if amount_minor is None else {"amount": format_amount(amount_minor)}

        async def attempt() -> Said:
            status, body = await self._post(
                f"{PAYMENTS}{of}/refunds", headers={"Idempotency-Key": refund_key}, json=wanted
            )
            said = _said(status)
            assert said is not Said.ACCEPTED or body["id"] == refund_id, "an id is derived from its key"
            self._answers.add(
                Answer(
                    at_us=time.time_ns() // 1000,
                    channel=Channel.HTTP,
                    ask=Ask.REFUND,
                    payment_id=refund_id,
                    said=said,
                    status=status,
                    code=_code(body),
                    refund_minor=amount_minor,
                )
            )
            return said

        return await _until_told(attempt)

    async def status_of(self, key: str) -> str | None:
        """Return the payment's status as GET tells it, None when there is no such answer."""
        try:
            answer = await self._request("GET", PAYMENTS + payment_id(self._tenant_id, key))
        except httpx.HTTPError:
            return None
        return str(answer.json()["status"]) if answer.status_code == 200 else None

    async def _post(self, path: str, **request: Any) -> tuple[int | None, dict[str, Any]]:
        try:
            answer = await self._request("POST", path, **request)
            body = answer.json()
        except (httpx.HTTPError, ValueError):
            self.statuses[None] += 1
            return None, {}
        self.statuses[answer.status_code] += 1
        return answer.status_code, body

    async def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        async with self._lines:
            client = self._free.pop() if self._free else self._connected()
            try:
                return await client.request(method, path, **request)
            finally:
                self._free.append(client)

    def _connected(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._http,
            headers=self._headers,
            timeout=ANSWER_S_MAX,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            verify=self._tls,
            trust_env=False,
            transport=self._transport,
        )

    def _told(self, request: Request, channel: Channel, status: int | None, body: dict[str, Any]) -> Said:
        said = _said(status)
        expected = payment_id(self._tenant_id, request.key)
        assert said is not Said.ACCEPTED or body["id"] == expected, "an id is derived from its key"
        self._answers.add(
            Answer(
                at_us=time.time_ns() // 1000,
                channel=channel,
                ask=Ask.PAY,
                payment_id=expected,
                said=said,
                terms=request.terms,
                status=status,
                code=_code(body),
            )
        )
        return said


async def _until_told(attempt: Callable[[], Awaitable[Said]]) -> Said:
    deadline = time.monotonic() + GIVE_UP_S
    backoff_s = BACKOFF_S_FIRST
    while (said := await attempt()) is Said.UNKNOWN and time.monotonic() < deadline:
        await asyncio.sleep(backoff_s)
        backoff_s = min(2 * backoff_s, BACKOFF_S_MAX)
    return said


def _said(status: int | None) -> Said:
    if status is None or status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
        return Said.UNKNOWN
    return Said.ACCEPTED if status < 300 else Said.REFUSED


def _code(body: dict[str, Any]) -> str | None:
    """Return the problem's stable code, which ends its type."""
    kind = body.get("type")
    return kind.rpartition("#")[2] if isinstance(kind, str) else None
