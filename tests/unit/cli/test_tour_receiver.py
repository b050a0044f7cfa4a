"""The receiver of the tour accepts what its secret has signed, and says why it does not accept something else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from cli.walkthrough.conversation import TourFailed
from cli.walkthrough.receiver import TourReceiver
from webhooks.message import signed_headers

SECRET, ANOTHER = "whsec_" + "a" * 40, "whsec_" + "b" * 40
BODY = b'{"type":"payment_completed"}'


@pytest.fixture
def receiver() -> Iterator[TourReceiver]:
    with TourReceiver() as listening:
        yield listening


def post(receiver: TourReceiver, body: bytes, *, signed_by: str) -> int:
    headers = signed_headers("p:3", BODY, at_s=int(time.time()), secrets=[signed_by])
    return httpx.post(receiver.url, content=body, headers=headers, timeout=10).status_code


def test_what_its_secret_has_signed_is_accepted(receiver: TourReceiver) -> None:
    receiver.secret = SECRET
    assert post(receiver, BODY, signed_by=SECRET) == 204
    arrival = receiver.wait()
    assert (arrival.body, arrival.fault, arrival.headers["webhook-id"]) == (BODY, None, "p:3")


@pytest.mark.parametrize(
    ("secret", "body", "signed_by"),
    [(None, BODY, SECRET), (SECRET, BODY, ANOTHER), (SECRET, BODY.replace(b"completed", b"returned"), SECRET)],
    ids=["no secret yet", "another's signature", "another body"],
)
def test_anything_else_is_refused_and_told(
    receiver: TourReceiver, secret: str | None, body: bytes, signed_by: str
) -> None:
    receiver.secret = secret
    assert post(receiver, body, signed_by=signed_by) == 400
    assert receiver.wait().fault


def test_a_webhook_that_does_not_come_ends_the_tour(receiver: TourReceiver) -> None:
    with pytest.raises(TourFailed, match=f"no webhook came to {receiver.url}"):
        receiver.wait(0.01)
