"""Who is calling: API keys are compared by their hash, in constant time, against what the log says of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

import structlog
from starlette.requests import Request

from directory.entities import Kind, Scope
from directory.register import Entry
from directory.sealing import CannotOpen, Keyring, Sealed
from ingest_api.known_directory import KnownDirectory
from ingest_api.refusals import KeyUnreadable, ScopeMissing, StillRestoring, Unauthorized

log = structlog.get_logger()

_SECRET_BYTES = 32
_KEY = re.compile(r"dp_([0-9a-f]{32})_[A-Za-z0-9_-]{43}", re.ASCII)
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_NO_KEY_SHA256 = bytes(32)  # Compared with when there is no key, so that the answer takes as long.
OPENED_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A valid API key's tenant."""

    tenant_id: str
    key_id: str


def new_key_text(key_id: str) -> str:
    """Return a new API key: its entity's id and 256 random bits. It is shown once and not kept."""
    return f"dp_{UUID(key_id).hex}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def key_secret(key_text: str) -> bytes:
    """Return what is sealed of a key: its SHA-256, which is enough, since the key is random."""
    return json.dumps({"sha256": hashlib.sha256(key_text.encode()).hexdigest()}).encode()


class Doorkeeper:
    """Tells callers by their keys, with Postgres up or down; a revoked key is refused as soon as the log was read."""

    def __init__(self, directory: KnownDirectory, keyring: Keyring, admin_key: str) -> None:
        self._directory = directory
        self._keyring = keyring
        self._admin_sha256 = hashlib.sha256(admin_key.encode()).digest()
        self._opened: dict[str, tuple[Sealed, bytes]] = {}

    async def caller(self, request: Request, scope: Scope) -> Caller:
        """Return who calls, or raise Unauthorized or ScopeMissing, or LogUnreachable or KeyUnreadable: not known."""
        text = _bearer(request)
        if not self._directory.is_ready:
            raise StillRestoring
        if self._is_admin(text):
            # The operator's key belongs to no tenant, so there is nothing that it could read or pay here.
            raise ScopeMissing(scope)
        shape = _KEY.fullmatch(text)
        if shape is None:
            raise Unauthorized
        key_id = str(UUID(shape[1]))
        entry = await self._entry(key_id)
        expected = self._sha256(key_id) if entry is not None else None
        presented = hashlib.sha256(text.encode()).digest()
        if not hmac.compare_digest(presented, expected or _NO_KEY_SHA256) or entry is None or not entry.is_active:
            raise Unauthorized
        if scope not in entry.scopes:
            raise ScopeMissing(scope)
        return Caller(tenant_id=entry.tenant_id, key_id=key_id)

    async def tenant_or_operator(self, request: Request, scope: Scope) -> Caller:
        """Return who calls; the operator is of no tenant ("") and may do what any may. Raises as `caller` does."""
        if self._is_admin(_bearer(request)) and self._directory.is_ready:
            return Caller(tenant_id="", key_id="operator")
        return await self.caller(request, scope)

    def require_admin(self, request: Request) -> None:
        """Raise Unauthorized without a key, and ScopeMissing with one that is not the operator's."""
        text = _bearer(request)
        if not self._is_admin(text):
            raise ScopeMissing("admin") if _KEY.fullmatch(text) else Unauthorized
        if not self._directory.is_ready:
            raise StillRestoring

    def _is_admin(self, text: str) -> bool:
        return hmac.compare_digest(hashlib.sha256(text.encode()).digest(), self._admin_sha256)

    async def _entry(self, key_id: str) -> Entry | None:
        await self._directory.learn_key(key_id)
        entry = self._directory.get(key_id)
        return entry if entry is not None and entry.kind is Kind.API_KEY else None

    def _sha256(self, key_id: str) -> bytes | None:
        sealed = self._directory.secret(key_id)
        if sealed is None:
            return None
        opened = self._opened.get(key_id)
        if opened is None or opened[0] != sealed:
            if len(self._opened) >= OPENED_MAX:
                self._opened.clear()
            try:
                secret = json.loads(self._keyring.open(key_id, sealed))
            except CannotOpen as error:
                # An encryption key that was taken away too early, most likely: the operator can put it back.
                log.error("api_key_unreadable", key_id=key_id, error=str(error))
                raise KeyUnreadable from error
            opened = self._opened[key_id] = (sealed, bytes.fromhex(secret["sha256"]))
        return opened[1]


def _bearer(request: Request) -> str:
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise Unauthorized
    # Header text is Latin-1; whatever it is, it is only compared.
    return match[1]
