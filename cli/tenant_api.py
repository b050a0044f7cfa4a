"""The API as one tenant's caller: where it answers, with which key, and how its refusals read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import httpx

from cli.settings import CallerSettings, load
from cli.status import STATE_DIR, running_stack

ANSWER_S_MAX = 15.0  # A POST waits for its outcome, 2 s by default; the server's own bounds are below this.
PAUSE_S = 1.0
STATE_DIR_DEFAULT = Path(".directpay")
# Nothing is known of the request then: with its key it can be sent again.
AGAIN = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})

# Of every command that asks the API: what `TenantApi.at` takes.
stack_option = click.option(
    "--state-dir",
    type=STATE_DIR,
    help="Folder of a running local stack. Default: DIRECTPAY_API_URL and DIRECTPAY_API_KEY, or .directpay where no "
    "key is set.",
)


class ApiSilent(Exception):
    """No answer that says anything; the message names the place and what came instead."""


class ApiRefusal(Exception):
    """The API's problem document: its detail, and a line for each field at fault."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": answer.text[:500]}
        lines = [f"{answer.status_code} {problem.get('title') or answer.reason_phrase}: {problem.get('detail', '')}"]
        lines += [f"  {fault['field']}: {fault['message']}" for fault in problem.get("errors", [])]
        super().__init__("\n".join(lines))


class TenantApi:
    """Speaks to `url` with one API key; `is_local`: of a stack on this machine, which has a tenant to try out."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        is_local: bool = False,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self.is_local = is_local
        self.pause = pause
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=ANSWER_S_MAX, transport=transport
        )

    @classmethod
    def at(cls, state_dir: Path | None) -> TenantApi:
        """Return the API of the stack on `state_dir`; of the settings without one; ends the command where is none."""
        settings = load(CallerSettings)
        if state_dir is None and settings.api_key is not None:
            return cls(settings.api_url, settings.api_key.get_secret_value())
        places = running_stack(state_dir or STATE_DIR_DEFAULT)
        return cls(places["http"], places["api_key"], is_local=True)

    def get(self, path: str, *, tag: str | None = None) -> httpx.Response:
        """Return an answer below 400; `tag` is what was known before. Raises ApiSilent, ApiRefusal."""
        return self._ask("GET", path, headers={} if tag is None else {"If-None-Match": tag})

    def post(self, path: str, body: Mapping[str, Any], *, key: str, silent_s_max: float) -> httpx.Response:
        """Return an answer below 400; sends the same request again while nothing is known of it, so long at most.

        Raises ApiSilent, ApiRefusal.
        """
        deadline = time.monotonic() + silent_s_max
        while True:
            try:
                return self._ask("POST", path, headers={"Idempotency-Key": key}, json=body)
            except ApiSilent:
                if time.monotonic() >= deadline:
                    raise
                self.pause(PAUSE_S)

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise ApiSilent(f"The API at {self.url} does not answer: {error or type(error).__name__}") from error
        if answer.status_code in AGAIN:
            raise ApiSilent(f"The API at {self.url} cannot say now: {ApiRefusal(answer)}")
        if answer.is_error:
            raise ApiRefusal(answer)
        return answer
