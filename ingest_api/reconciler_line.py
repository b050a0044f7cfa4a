"""The API's line to the reconciler: its answers as they are, its refusals as ours."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx
import structlog

from ingest_api.refusals import ItemResolved, NotFound, ReconcilerUnreachable, StatementInvalid

log = structlog.get_logger(__name__)

ANSWER_S_MAX = 10.0
CONNECT_S_MAX = 2.0


class Answer(NamedTuple):
    """The reconciler's answer: JSON, and its status (200, or 201 for what is new)."""

    status: int
    body: dict[str, Any]


class StillComparing(Exception):
    """The file is being compared, and that takes longer than the caller waits."""


class ReconcilerLine:
    """The reconciler at `url`. Every method raises ReconcilerUnreachable when there is no answer in time."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        timeout = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout, transport=transport)

    async def close(self) -> None:
        await self._client.aclose()

    async def take(self, data: bytes, *, tenant_id: str, name: str, is_whole: bool, wait_s: float) -> Answer:
        """Hand a file over. Raises StatementInvalid, and StillComparing when there is no answer in `wait_s`."""
        query = {"tenant": tenant_id, "name": name, "whole": "yes" if is_whole else "no"}
        timeout = httpx.Timeout(wait_s, connect=CONNECT_S_MAX)
        try:
            return await self._send("POST", "/statements", params=query, content=data, timeout=timeout)
        except httpx.ReadTimeout:
            raise StillComparing from None

    async def items(self, tenant_id: str, state: str | None, *, after: int, limit: int) -> Answer:
        query: dict[str, str | int] = {"tenant": tenant_id, "after": after, "limit": limit}
        if state is not None:
            query["state"] = state
        return await self._ask("GET", "/items", params=query)

    async def resolve(self, tenant_id: str, item_id: str, said: dict[str, str]) -> Answer:
        """Have an item resolved. Raises NotFound and ItemResolved."""
        return await self._ask("POST", f"/items/{item_id}/resolve", params={"tenant": tenant_id}, json=said)

    async def _ask(self, method: str, path: str, **content: Any) -> Answer:
        try:
            return await self._send(method, path, **content)
        except httpx.ReadTimeout as error:
            log.warning("reconciler_did_not_answer", path=path, error=str(error))
            raise ReconcilerUnreachable from error

    async def _send(self, method: str, path: str, **content: Any) -> Answer:
        try:
            answer = await self._client.request(method, path, **content)
            body: dict[str, Any] = answer.json()
        except httpx.ReadTimeout:
            raise
        except (httpx.HTTPError, ValueError) as error:
            log.warning("reconciler_did_not_answer", path=path, error=str(error))
            raise ReconcilerUnreachable from error
        match answer.status_code:
            case 200 | 201:
                return Answer(answer.status_code, body)
            case 404:
                raise NotFound("item")
            case 409:
                raise ItemResolved(str(body["detail"]))
            case 422:
                raise StatementInvalid(line=body["line"], field=body["field"], rule=body["rule"], detail=body["detail"])
            case _:
                log.error("reconciler_answer_strange", path=path, status=answer.status_code, body=body)
                raise ReconcilerUnreachable
