"""The secrets that an endpoint's deliveries are signed with: the newest, and former ones while they still sign.

They stand sealed on directory-secrets, as JSON: {"secrets": [{"secret", "until", "made_by"}]}, newest first.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from payments.refusals import Refusal
from payments.timestamps import rfc3339

PREFIX = "whsec_"
SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64.
# Time for the owner to deploy the new one.
FORMER_SIGNS_US = 24 * 60 * 60 * 1_000_000
# Each is a signature in a header of every delivery.
SECRETS_MAX = 5

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class TooManySecrets(Refusal):
    """An endpoint has at most 5 secrets that still sign: the oldest must run out before there is another."""

    code = "too-many-secrets"

    def __init__(self) -> None:
        super().__init__(f"there are {SECRETS_MAX} secrets that still sign; each former one does for 24 hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecret:
    """A secret (`whsec_...`), the id of the command that brought it, and until when it signs (None: no end is set)."""

    secret: str
    made_by: str
    until_us: int | None = None

    def signs_at(self, at_us: int) -> bool:
        return self.until_us is None or at_us < self.until_us


def secret_text(random: bytes) -> str:
    """Return the secret that is made of 32 random bytes."""
    assert len(random) == SECRET_BYTES
    return PREFIX + base64.b64encode(random).decode()


def rotated(secrets: tuple[WebhookSecret, ...], new: WebhookSecret, *, at_us: int) -> tuple[WebhookSecret, ...]:
    """Return the secrets with a new one first; the one before it signs for 24 h more, and what has run out is gone.

    Raises TooManySecrets.
    """
    former = [
        secret if secret.until_us is not None else replace(secret, until_us=at_us + FORMER_SIGNS_US)
        for secret in secrets
        if secret.signs_at(at_us)
    ]
    if len(former) >= SECRETS_MAX:
        raise TooManySecrets
    return (new, *former)


def to_json(secrets: tuple[WebhookSecret, ...]) -> bytes:
    """Return the secrets as they are sealed."""
    items = [
        {"secret": it.secret, "until": None if it.until_us is None else rfc3339(it.until_us), "made_by": it.made_by}
        for it in secrets
    ]
    return json.dumps({"secrets": items}).encode()


def from_json(data: bytes) -> tuple[WebhookSecret, ...]:
    """Return the secrets that `to_json` made these bytes of."""
    return tuple(
        WebhookSecret(
            secret=item["secret"],
            made_by=item["made_by"],
            until_us=None if item["until"] is None else _at_us(item["until"]),
        )
        for item in json.loads(data)["secrets"]
    )


def _at_us(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
