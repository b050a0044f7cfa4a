"""Callers are told by their keys, whatever order the log's two topics arrive in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from confluent_kafka import Message

from directory.changes import Action, Changed, DirectoryCommand, DirectoryRecord, DirectorySecret, change
from directory.entities import ApiKey, Kind, Scope
from directory.sealing import NONCE_BYTES, Keyring
from ingest_api.auth import Caller, Doorkeeper, key_secret, new_key_text
from ingest_api.known_directory import Apply, KnownDirectory
from ingest_api.problems import problem_of
from ingest_api.refusals import KeyUnreadable, LogUnreachable
from schemas.codec import encode
from tests.unit.ingest_api.requests import request_with

KEY_ID = "6a5b1c1e-0d5f-4c55-9d4e-111111111111"
KEY = new_key_text(KEY_ID)
KEYRING = Keyring({"k1": b"k" * 32})


@dataclass
class LateLog:
    """A fold that has read nothing until it is told to catch up."""

    answers: bool = True
    failed: BaseException | None = None
    ready: bool = True
    progress: int = 0
    unread: list[DirectoryRecord | DirectorySecret] = field(default_factory=list)

    def fold_into(self, apply: Apply) -> LateLog:
        self._apply = apply
        return self

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def show(self, value: DirectoryRecord | DirectorySecret) -> None:
        self._apply("topic", cast(Message, _Record(encode(value))))

    def catch_up(self, timeout_s: float) -> bool:
        while self.answers and self.unread:
            self.show(self.unread.pop())
        return self.answers


@dataclass
class _Record:
    data: bytes

    def value(self) -> bytes:
        return self.data


def test_a_key_whose_hash_has_not_arrived_is_waited_for() -> None:
    log = LateLog()
    directory = KnownDirectory(log.fold_into)
    record, secret = _made_key(KEYRING)
    log.show(record)
    log.unread.append(secret)
    assert _call(directory).key_id == KEY_ID


def test_a_key_whose_hash_cannot_be_read_is_not_called_unauthorized() -> None:
    log = LateLog(answers=False)
    directory = KnownDirectory(log.fold_into)
    log.show(_made_key(KEYRING)[0])
    with pytest.raises(LogUnreachable):
        _call(directory)


def test_a_key_whose_hash_cannot_be_opened_is_answered_503() -> None:
    log = LateLog()
    directory = KnownDirectory(log.fold_into)
    for value in _made_key(Keyring({"k0": b"o" * 32})):
        log.show(value)
    with pytest.raises(KeyUnreadable) as refused:
        _call(directory)
    assert problem_of(refused.value).status == 503


def _made_key(keyring: Keyring) -> tuple[DirectoryRecord, DirectorySecret]:
    command = DirectoryCommand(
        command_id="6a5b1c1e-0d5f-4c55-9d4e-222222222222",
        action=Action.CREATE,
        entity_id=KEY_ID,
        tenant_id="acme",
        kind=Kind.API_KEY,
        fingerprint=b"f" * 32,
        requested_at_us=1_790_000_000_000_000,
        entity=ApiKey(name="key", scopes=(Scope.READ,), hint=KEY[-4:]),
        sealed=keyring.seal(KEY_ID, key_secret(KEY), b"n" * NONCE_BYTES),
    )
    made = change(command, None)
    assert isinstance(made, Changed)
    assert made.secret is not None
    return made.record, made.secret


def _call(directory: KnownDirectory) -> Caller:
    request = request_with(headers=[(b"authorization", f"Bearer {KEY}".encode())])
    doorkeeper = Doorkeeper(directory, KEYRING, "the-operators-key")
    return asyncio.run(doorkeeper.caller(request, Scope.READ))
