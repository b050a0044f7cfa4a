"""An API that is played: answers to POSTs one after the other, and a payment that goes on each time somebody pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from cli.tenant_api import TenantApi

PAYMENT = "5f2f0c5e-7f0d-5b8e-9d4e-3f8a7b1c2d3e"
Answer = httpx.Response | httpx.HTTPError


def event(sequence: int, before: str | None, after: str, **changes: str) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "event_type": "payment_initiated" if before is None else f"payment_{after}",
        "previous_status": before,
        "new_status": after,
        "timestamp": f"2026-11-27T12:00:0{sequence}.123456Z",
        "metadata": {"amount": "12.50", "rail": "wire", **changes},
    }


@dataclass
class PlayedApi:
    """`course` is what GET of the payment meets, a step a pause: an answer, or how many events there are by then."""

    posts: list[Answer] = field(default_factory=list)
    events: Sequence[dict[str, Any]] = ()
    course: list[Answer | int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.posts.pop(0) if request.method == "POST" else self.course[0]
        if isinstance(step, httpx.HTTPError):
            raise step
        return self._payment(request, step) if isinstance(step, int) else step

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.course) > 1:
            self.course.pop(0)

    def _payment(self, request: httpx.Request, there: int) -> httpx.Response:
        if request.url.path.endswith("/history"):
            return httpx.Response(200, json={"events": self.events[:there]})
        tag = f'"{there}"'
        if request.headers.get("If-None-Match") == tag:
            return httpx.Response(304)
        status = self.events[there - 1]["new_status"]
        return httpx.Response(200, json={"id": PAYMENT, "status": status}, headers={"ETag": tag})


def api_of(played: PlayedApi, *, is_local: bool = False) -> TenantApi:
    return TenantApi(
        "http://api", "dp_key", is_local=is_local, transport=httpx.MockTransport(played.answer), pause=played.pause
    )
