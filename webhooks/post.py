"""One attempt: a POST, and what became of it. Redirects are not followed; only the status counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

import aiohttp
import structlog
from msgspec import Struct

from schemas.deliveries import ERROR_CHARACTERS_MAX

log = structlog.get_logger(__name__)

# Standard Webhooks: 15 to 30 seconds.
ANSWER_S_MAX = 15.0
# Read so that the connection can be used again; whoever says more loses it.
ANSWER_BYTES_MAX = 4096


class Answer(Struct, frozen=True, kw_only=True):
    """What an endpoint answered; without a `status_code` it did not, and `error` says why."""

    status_code: int | None = None
    error: str | None = None
    retry_after: str | None = None
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


class Poster:
    """Posts through `connector`, which it closes in the end; waits `answer_s_max` seconds for an answer."""

    def __init__(self, connector: aiohttp.BaseConnector, *, answer_s_max: float = ANSWER_S_MAX) -> None:
        self._answer_s_max = answer_s_max
        self._session = aiohttp.ClientSession(
            connector=connector,
            # Nothing of one endpoint is told to another.
            cookie_jar=aiohttp.DummyCookieJar(),
            # What is not looked at is not unpacked: a small answer can be a large one.
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=answer_s_max),
        )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return what became of it; raises nothing for what an endpoint, its name or the network does."""
        began_s = time.monotonic()
        answer = await self._answer(url, body, headers)
        return Answer(
            status_code=answer.status_code,
            error=None if answer.error is None else _writable(answer.error),
            retry_after=answer.retry_after,
            duration_ms=int((time.monotonic() - began_s) * 1000),
        )

    async def close(self) -> None:
        await self._session.close()

    async def _answer(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await _read_little(response)
                return _judged(response)
        except TimeoutError:
            return Answer(error=f"no answer within {self._answer_s_max:g} s")
        except aiohttp.ClientConnectorDNSError as error:
            return Answer(error=f"its name cannot be looked up: {error.os_error}")
        except aiohttp.ClientConnectorCertificateError as error:
            return Answer(error=f"its certificate is not valid: {error.certificate_error}")
        except aiohttp.ClientConnectorError as error:
            return Answer(error=f"no connection: {error.os_error}")
        except aiohttp.ServerDisconnectedError:
            return Answer(error="the connection was dropped before an answer")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=f"{type(error).__name__}: {error}")
        except Exception as error:
            # Whatever an endpoint can make the client raise: it must not end the deliveries of all others.
            log.exception("webhook_attempt_raised")
            return Answer(error=f"{type(error).__name__}: {error}")


def _writable(error: str) -> str:
    """Return as much of it as is recorded; what was no UTF-8 where it comes from is not to be written either."""
    return error[:ERROR_CHARACTERS_MAX].encode(errors="replace").decode()


def _judged(response: aiohttp.ClientResponse) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status_code=status)
    error = f"answered {status}"
    if 300 <= status < 400:
        error += "; redirects are not followed"
    return Answer(status_code=status, error=error, retry_after=response.headers.get("Retry-After"))


async def _read_little(response: aiohttp.ClientResponse) -> None:
    """Read what is said beside the status, if it is little: the status counts, whatever becomes of the rest."""
    with suppress(aiohttp.ClientError, TimeoutError):
        left = ANSWER_BYTES_MAX
        while left > 0 and (part := await response.content.read(left)):
            left -= len(part)
        if not response.content.at_eof():
            response.close()
