"""What `directpay watch` says of a payment that goes on, and how it ends."""

from __future__ import annotations

import httpx
import pytest

from cli.tenant_api import ApiRefusal
from cli.watch import NotEnded, exit_code, follow
from payments.payment import Status
from tests.unit.cli.played_api import PAYMENT, Answer, PlayedApi, api_of, event

COMPLETED = [event(1, None, "pending"), event(2, "pending", "processing", attempt="1"),
             event(3, "processing", "completed", attempt="1")]  # fmt: skip
FAILED = [*COMPLETED[:2], event(3, "processing", "failed", failure_code="R01")]
NOT_YET = httpx.Response(202, json={"id": PAYMENT, "status": "pending"})
UNKNOWN = httpx.Response(404, json={"title": "Not found", "detail": "no such payment"})


def test_each_transition_is_said_once_as_it_comes() -> None:
    played, said = PlayedApi(events=COMPLETED, course=[1, 1, 2, 3]), list[str]()
    assert follow(api_of(played), PAYMENT, said.append) is Status.COMPLETED
    assert said == [
        "2026-11-27 12:00:01.123  payment_initiated     - -> pending",
        "2026-11-27 12:00:02.123  payment_processing    pending -> processing     attempt=1",
        "2026-11-27 12:00:03.123  payment_completed     processing -> completed   attempt=1",
    ]
    asked = [it.url.path.rpartition("/")[2] for it in played.requests]
    assert asked.count("history") == 3, "while nothing happens, nothing is read again"


def test_what_comes_at_once_is_said_at_once_and_why_it_failed() -> None:
    said = list[str]()
    status = follow(api_of(PlayedApi(events=FAILED, course=[3])), PAYMENT, said.append)
    assert (status, len(said)) == (Status.FAILED, 3)
    assert said[-1].endswith("failure_code=R01")


@pytest.mark.parametrize(
    ("status", "code"),
    [("completed", 0), ("refunded", 0), ("failed", 3), ("returned", 3), ("cancelled", 3)],
)
def test_the_exit_code_says_how_it_ended(status: str, code: int) -> None:
    assert exit_code(Status(status)) == code


def test_outages_and_what_is_not_decided_yet_are_waited_out() -> None:
    away: list[Answer] = [httpx.ConnectError("refused"), httpx.Response(503, json={}), httpx.Response(429, json={})]
    played, said = PlayedApi(events=COMPLETED, course=[NOT_YET, *away, 1, *away, 3]), list[str]()
    assert follow(api_of(played), PAYMENT, said.append) is Status.COMPLETED
    assert len(said) == 3


def test_an_unknown_payment_is_told_at_once_but_not_to_who_has_just_made_it() -> None:
    with pytest.raises(ApiRefusal, match="404 Not found: no such payment"):
        follow(api_of(PlayedApi(course=[UNKNOWN])), PAYMENT, print)
    played = PlayedApi(events=COMPLETED, course=[UNKNOWN, UNKNOWN, 3])
    assert follow(api_of(played), PAYMENT, lambda _: None, unknown_s_max=60) is Status.COMPLETED


def test_a_payment_that_was_refused_says_why() -> None:
    refused = httpx.Response(422, json={"title": "Key reused", "detail": "another body"})
    with pytest.raises(ApiRefusal, match="422 Key reused: another body"):
        follow(api_of(PlayedApi(course=[NOT_YET, refused])), PAYMENT, print)


def test_the_wait_ends_when_its_time_is_over() -> None:
    with pytest.raises(NotEnded, match="is processing after 0 s"):
        follow(api_of(PlayedApi(events=COMPLETED, course=[2])), PAYMENT, lambda _: None, wait_s=0)
