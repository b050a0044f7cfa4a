"""The secrets of webhook endpoints: made here, sealed on the log, and opened for whoever may be told of one again."""

from __future__ import annotations

import secrets

import structlog

from directory.sealing import CannotOpen
from directory.webhook_secrets import SECRET_BYTES, WebhookSecret, from_json, secret_text
from ingest_api.parts import Parts
from ingest_api.refusals import LogUnreachable, SecretUnreadable

log = structlog.get_logger()


def new_secret(made_by: str) -> WebhookSecret:
    """Return a secret of 256 random bits."""
    return WebhookSecret(secret=secret_text(secrets.token_bytes(SECRET_BYTES)), made_by=made_by)


class EndpointSecrets:
    """What the log keeps of endpoints' secrets; raises SecretUnreadable, or LogUnreachable: not known."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def made_by(self, endpoint_id: str, made_by: str) -> str | None:
        """Return the secret that a command brought, or None when it does not sign any more."""
        found = self._find(endpoint_id, made_by)
        if found is None:
            # Entities and their secrets come on two topics.
            await self._read_to_the_ends()
            found = self._find(endpoint_id, made_by)
        return found

    async def newest(self, endpoint_id: str) -> tuple[WebhookSecret, ...]:
        """Return the secrets, at least as new as what was known of the endpoint before this call."""
        await self._read_to_the_ends()
        return self._open(endpoint_id)

    async def _read_to_the_ends(self) -> None:
        if not await self._parts.directory.catch_up():
            raise LogUnreachable

    def _find(self, endpoint_id: str, made_by: str) -> str | None:
        return next((each.secret for each in self._open(endpoint_id) if each.made_by == made_by), None)

    def _open(self, endpoint_id: str) -> tuple[WebhookSecret, ...]:
        sealed = self._parts.directory.secret(endpoint_id)
        if sealed is None:
            return ()
        try:
            return from_json(self._parts.config.keyring.open(endpoint_id, sealed))
        except CannotOpen as error:
            # An encryption key that was taken away too early, most likely: the operator can put it back.
            log.error("webhook_secrets_unreadable", endpoint_id=endpoint_id, error=str(error))
            raise SecretUnreadable from error
