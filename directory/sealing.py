"""Secrets as they travel: sealed with AES-256-GCM under a key that has an id, bound to the entity they belong to.

Pure: the nonce is given. A sealed secret of one entity does not open as another's (the entity id is authenticated).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payments.fields import fault
from payments.refusals import InvalidCommand

NONCE_BYTES = 12
KEY_BYTES = 32


class CannotOpen(Exception):
    """The key is not known, or the sealed bytes or their entity are not the ones that were sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An envelope: which key, the nonce (12 bytes, never used twice under a key), the ciphertext with its tag."""

    key_id: str
    nonce: bytes
    ciphertext: bytes

    def __post_init__(self) -> None:
        if not self.key_id or len(self.nonce) != NONCE_BYTES or not self.ciphertext:
            raise InvalidCommand(
                fault("sealed", f"must have a key id, a nonce of {NONCE_BYTES} bytes and a ciphertext")
            )


class Keyring:
    """Encryption keys by id; the first seals, all open, so that keys can be rotated."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"encryption keys: at least one, each of {KEY_BYTES} bytes")
        self._current = next(iter(keys))
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        # A key of its own for each use: what a digest tells must say nothing about what is sealed.
        self._digest_keys = [hmac.digest(key, b"directpay digest", hashlib.sha256) for key in keys.values()]

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read `id:base64[,id:base64]`, the form of DIRECTPAY_ENCRYPTION_KEYS."""
        try:
            pairs = [item.strip().split(":", 1) for item in text.split(",") if item.strip()]
            keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in pairs if key_id}
            if len(keys) != len(pairs):
                # The later of two keys with one id would win, and nothing sealed under the earlier could be opened.
                raise ValueError("an id is missing or used twice")
            return cls(keys)
        except ValueError as error:
            raise ValueError(
                f"encryption keys must be id:base64 pairs of {KEY_BYTES}-byte keys, each id once"
            ) from error

    def seal(self, entity_id: str, secret: bytes, nonce: bytes) -> Sealed:
        """Seal `secret` for `entity_id` under the current key; `nonce` must be fresh random bytes."""
        ciphertext = self._ciphers[self._current].encrypt(nonce, secret, entity_id.encode())
        return Sealed(key_id=self._current, nonce=nonce, ciphertext=ciphertext)

    def digests(self, data: bytes) -> tuple[bytes, ...]:
        """Return a keyed hash (HMAC-SHA-256, 32 bytes) of `data` under every key, the current one first.

        Nobody without a key can try values against it. What was digested under an earlier key is still recognised.
        """
        return tuple(hmac.digest(key, data, hashlib.sha256) for key in self._digest_keys)

    def open(self, entity_id: str, sealed: Sealed) -> bytes:
        """Return the secret, or raise CannotOpen."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise CannotOpen(f"encryption key {sealed.key_id!r} is not configured")
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, entity_id.encode())
        except InvalidTag:
            raise CannotOpen(f"the secret of {entity_id} was altered or belongs to another entity") from None
