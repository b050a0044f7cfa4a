"""A request has one idempotency key, wherever it is written."""

from __future__ import annotations

import pytest

from ingest_api.idempotency import optional_key, required_key
from ingest_api.refusals import IdempotencyKeyMissing, IdempotencyKeysDiffer
from payments.refusals import InvalidIdempotencyKey
from tests.unit.ingest_api.requests import request_with


def _key(header: bytes | None, body: object = None) -> str | None:
    headers = [] if header is None else [(b"Idempotency-Key", header)]
    return optional_key(request_with(headers=headers), {} if body is None else {"idempotency_key": body})


@pytest.mark.parametrize(
    ("header", "body", "key"),
    [
        (b"rent-1", None, "rent-1"),
        (b'"rent-1"', None, "rent-1"),
        (b'"a \\"quoted\\" \\\\ key"', None, 'a "quoted" \\ key'),
        (None, "rent-1", "rent-1"),
        (b"rent-1", "rent-1", "rent-1"),
        (b'"rent-1"', "rent-1", "rent-1"),
        ("clé".encode(), "clé", "clé"),
        (b"k" * 255, None, "k" * 255),
        (None, None, None),
    ],
)
def test_header_and_body_name_the_same_key(header: bytes | None, body: object, key: str | None) -> None:
    assert _key(header, body) == key


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"k" * 256, None), (None, "k" * 256), (None, "a\nb"), (None, "a\x00b"), (None, "\ud800"), (None, 7),
        (None, ["a"]), (b'"open', None), (b'"a" ; b', None), (b'"a\\b"', None), (b"\xff", None), (b"directpay:x", None),
        (None, "directpay:x"), (b"", None), (b'""', None), (None, ""), (b"a\x7f", None),
    ],
)  # fmt: skip
def test_a_bad_key_is_refused(header: bytes | None, body: object) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        _key(header, body)


def test_two_keys_are_refused() -> None:
    with pytest.raises(IdempotencyKeysDiffer):
        _key(b"a", "b")
    twice = request_with(headers=[(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b")])
    with pytest.raises(IdempotencyKeysDiffer):
        optional_key(twice, {})


def test_a_missing_key_is_told_with_a_link_to_the_docs() -> None:
    from ingest_api.problems import problem_of

    with pytest.raises(IdempotencyKeyMissing) as refused:
        required_key(request_with(), {})
    response = problem_of(refused.value).response()
    assert response.status_code == 400
    assert "/docs/problems#idempotency-key-missing" in response.headers["link"]
