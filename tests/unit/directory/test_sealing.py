from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.sealing import KEY_BYTES, NONCE_BYTES, CannotOpen, Keyring, Sealed
from payments.refusals import InvalidCommand

ALICE = "11111111-1111-4111-8111-111111111111"
BOB = "22222222-2222-4222-8222-222222222222"
OLD, NEW = bytes(range(KEY_BYTES)), bytes(range(1, KEY_BYTES + 1))
NONCE = bytes(NONCE_BYTES)
SECRET = b'{"routing_number":"021000021","account_number":"123456789012"}'

keyring = Keyring({"k1": OLD})
sealed = keyring.seal(ALICE, SECRET, NONCE)


def text_of(**keys: bytes) -> str:
    return ",".join(f"{key_id}:{base64.b64encode(key).decode()}" for key_id, key in keys.items())


@given(st.binary(), st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES), st.uuids())
def test_a_secret_opens_for_its_entity_and_for_no_other(secret: bytes, nonce: bytes, entity: object) -> None:
    envelope = keyring.seal(str(entity), secret, nonce)
    assert keyring.open(str(entity), envelope) == secret
    with pytest.raises(CannotOpen):
        keyring.open(ALICE, envelope)


def test_what_is_sealed_shows_nothing_of_the_secret() -> None:
    assert b"123456789012" not in sealed.ciphertext
    assert len(sealed.ciphertext) == len(SECRET) + 16
    assert "123456789012" not in repr(sealed)


@given(st.integers(0, len(sealed.ciphertext) * 8 - 1))
def test_a_secret_with_any_bit_flipped_does_not_open(bit: int) -> None:
    altered = bytearray(sealed.ciphertext)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CannotOpen, match=ALICE):
        keyring.open(ALICE, replace(sealed, ciphertext=bytes(altered)))


@pytest.mark.parametrize(
    "altered",
    [
        replace(sealed, nonce=b"\1" * NONCE_BYTES),
        replace(sealed, ciphertext=sealed.ciphertext[:-1]),
        replace(sealed, ciphertext=b"x"),
        replace(sealed, ciphertext=sealed.ciphertext + b"\0"),
    ],
    ids=["another nonce", "cut short", "shorter than a tag", "longer"],
)
def test_an_envelope_that_was_altered_does_not_open(altered: Sealed) -> None:
    with pytest.raises(CannotOpen):
        keyring.open(ALICE, altered)


def test_what_an_old_key_sealed_opens_after_a_rotation_and_the_new_key_seals() -> None:
    rotated = Keyring({"k2": NEW, "k1": OLD})
    assert rotated.open(ALICE, sealed) == SECRET
    assert rotated.seal(ALICE, SECRET, NONCE).key_id == "k2"


def test_a_key_that_is_gone_or_differs_does_not_open() -> None:
    with pytest.raises(CannotOpen, match="k1"):
        Keyring({"k2": NEW}).open(ALICE, sealed)
    with pytest.raises(CannotOpen):
        Keyring({"k1": NEW}).open(ALICE, sealed)


def test_a_digest_is_found_again_after_a_rotation_and_tells_keys_and_data_apart() -> None:
    (before,) = keyring.digests(SECRET)
    after = Keyring({"k2": NEW, "k1": OLD}).digests(SECRET)
    assert after[1] == before
    assert len({before, after[0], *keyring.digests(SECRET + b" ")}) == 3
    assert {len(digest) for digest in after} == {32}


@pytest.mark.parametrize(
    "broken",
    [{"nonce": b""}, {"nonce": bytes(NONCE_BYTES + 1)}, {"key_id": ""}, {"ciphertext": b""}],
    ids=str,
)
def test_an_envelope_that_could_never_open_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        replace(sealed, **broken)  # type: ignore[arg-type]
    assert [error.field for error in refusal.value.errors] == ["sealed"]


def test_keys_are_read_from_the_setting_in_order() -> None:
    parsed = Keyring.parse(f" {text_of(k2=NEW, k1=OLD)} ,")
    assert parsed.open(ALICE, sealed) == SECRET
    assert parsed.seal(ALICE, b"", NONCE).key_id == "k2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "k1",
        "k1:",
        "k1:not base64",
        text_of(k1=b"short"),
        text_of(k1=bytes(KEY_BYTES + 1)),
        f":{base64.b64encode(OLD).decode()}",
        f"{text_of(k1=OLD)},{text_of(k1=NEW)}",
    ],
)
def test_a_setting_that_gives_no_clear_keys_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="id:base64 pairs") as error:
        Keyring.parse(text)
    assert base64.b64encode(OLD).decode() not in str(error.value)


def test_a_keyring_has_at_least_one_key_of_32_bytes() -> None:
    for keys in ({}, {"k1": b""}, {"k1": OLD, "k2": b"short"}):
        with pytest.raises(ValueError, match="32 bytes"):
            Keyring(keys)
