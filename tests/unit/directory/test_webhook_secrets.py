from __future__ import annotations

import base64
import json

import pytest

from directory.webhook_secrets import (
    FORMER_SIGNS_US,
    SECRET_BYTES,
    SECRETS_MAX,
    TooManySecrets,
    WebhookSecret,
    from_json,
    rotated,
    secret_text,
    to_json,
)

T0_US = 1_740_061_920_123_456


def secret(number: int) -> WebhookSecret:
    return WebhookSecret(secret=secret_text(bytes([number]) * SECRET_BYTES), made_by=f"command-{number}")


def test_a_secret_is_32_bytes_in_base64_behind_its_prefix() -> None:
    text = secret_text(bytes(range(SECRET_BYTES)))
    assert text.startswith("whsec_")
    assert base64.b64decode(text.removeprefix("whsec_"), validate=True) == bytes(range(SECRET_BYTES))


def test_the_former_secret_signs_for_a_day_beside_the_new_one() -> None:
    new, former = rotated((secret(1),), secret(2), at_us=T0_US)
    assert new == secret(2)
    assert (former.secret, former.made_by, former.until_us) == (
        secret(1).secret,
        secret(1).made_by,
        T0_US + FORMER_SIGNS_US,
    )
    assert former.signs_at(T0_US + FORMER_SIGNS_US - 1)
    assert not former.signs_at(T0_US + FORMER_SIGNS_US)
    assert new.signs_at(T0_US + 10 * FORMER_SIGNS_US)


def test_a_second_rotation_leaves_each_its_own_end_and_forgets_what_has_run_out() -> None:
    secrets = rotated((secret(1),), secret(2), at_us=T0_US)
    secrets = rotated(secrets, secret(3), at_us=T0_US + 5)
    assert [it.until_us for it in secrets] == [None, T0_US + 5 + FORMER_SIGNS_US, T0_US + FORMER_SIGNS_US]
    secrets = rotated(secrets, secret(4), at_us=T0_US + FORMER_SIGNS_US)
    assert [it.made_by for it in secrets] == ["command-4", "command-3", "command-2"]


def test_there_are_never_more_signatures_than_a_header_is_to_hold() -> None:
    secrets: tuple[WebhookSecret, ...] = (secret(0),)
    for number in range(1, SECRETS_MAX):
        secrets = rotated(secrets, secret(number), at_us=T0_US + number)
    assert len(secrets) == SECRETS_MAX
    with pytest.raises(TooManySecrets):
        rotated(secrets, secret(9), at_us=T0_US + FORMER_SIGNS_US)
    assert len(rotated(secrets, secret(9), at_us=T0_US + 1 + FORMER_SIGNS_US)) == SECRETS_MAX


def test_secrets_are_sealed_as_json_that_reads_back() -> None:
    secrets = rotated((secret(1),), secret(2), at_us=T0_US)
    data = to_json(secrets)
    assert from_json(data) == secrets
    assert json.loads(data) == {
        "secrets": [
            {"secret": secret(2).secret, "until": None, "made_by": "command-2"},
            {"secret": secret(1).secret, "until": "2025-02-21T14:32:00.123456Z", "made_by": "command-1"},
        ]
    }
