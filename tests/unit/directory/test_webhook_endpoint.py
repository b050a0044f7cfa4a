from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from directory.webhook_endpoint import (
    TOLD_TYPES,
    URL_CHARACTERS_MAX,
    DisabledReason,
    WebhookEndpoint,
    host_of,
    is_public,
    names_private_host,
    told_type,
)
from payments.payment import EventType
from payments.refusals import InvalidCommand

ENDPOINT = WebhookEndpoint(url="https://example.com/hooks")
EXAMPLE = "https://example.com/"


def faults(**terms: Any) -> list[str]:
    with pytest.raises(InvalidCommand) as refusal:
        replace(ENDPOINT, **terms)
    return [error.field for error in refusal.value.errors]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com", "example.com"),
        ("HTTP://Example.COM:8080/Hooks?a=b&c=%20", "example.com"),
        ("https://example.com.", "example.com."),
        ("https://hooks_1.internal-site.example/a@b", "hooks_1.internal-site.example"),
        ("https://xn--bcher-kva.example?x=[1]", "xn--bcher-kva.example"),
        ("http://8.8.8.8/", "8.8.8.8"),
        ("http://[2606:4700::1111]:443/", "2606:4700::1111"),
        ("http://[::FFFF:8.8.8.8]", "::ffff:8.8.8.8"),
        (EXAMPLE + "x" * (URL_CHARACTERS_MAX - len(EXAMPLE)), "example.com"),
    ],
)
def test_a_url_names_its_host(url: str, host: str) -> None:
    assert host_of(replace(ENDPOINT, url=url).url) == host


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com", "ftp://example.com", "https:/example.com", "https://", "https:///hooks",
        "javascript:alert(1)", "file:///etc/passwd", " https://example.com", "https://example.com\n",
        "https://user@example.com", "https://user:word@example.com", "https://@example.com",
        "https://example.com#part", "https://example.com/#", "https://example.com\\@evil.example",
        "https://exa mple.com", "https://example.com/a b", "https://bücher.example", "https://example.com/ü", "https://example.com/\0",
        "https://example..com", "https://.example.com", "https://-a.example", "https://a-.example", "https://.",
        "https://" + "a" * 64 + ".example", "https://" + "a." * 127 + "example",
        "https://example.com:0", "https://example.com:65536", "https://example.com:", "https://example.com:8a",
        "http://127.1", "http://2130706433", "http://0x7f000001", "http://0x7f.0.0.1", "http://0177.0.0.1",
        "http://1.2.3.4.5", "http://256.0.0.1", "http://1.2.3.4.", "http://a.1", "http://[1.2.3.4]", "http://[::1",
        "http://[:::]", "http://[fe80::1%25eth0]", "http://[]", "http://１２７.0.0.1",
        EXAMPLE + "x" * (URL_CHARACTERS_MAX - len(EXAMPLE) + 1),
    ],
)  # fmt: skip
def test_what_is_no_url_or_could_be_read_in_two_ways_is_refused(url: str) -> None:
    assert faults(url=url) == ["url"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "api.localhost", "127.0.0.1", "127.255.0.3", "0.0.0.0", "10.1.2.3",
        "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd12::1]",
        "[ff02::1]", "[2001:db8::1]", "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]", "[2001::1]",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_known_for_one(host: str) -> None:
    assert names_private_host(f"http://{host}:8080/hooks")


@pytest.mark.parametrize(
    "host", ["example.com", "localhost.example.com", "notlocalhost", "8.8.8.8", "172.32.0.1", "[2606:4700::1111]"]
)
def test_a_name_or_a_public_address_is_not_private(host: str) -> None:
    assert not names_private_host(f"https://{host}/")


def test_an_address_is_judged_alone_too() -> None:
    assert is_public(ip_address("1.1.1.1"))
    assert not is_public(ip_address("10.0.0.1"))


def test_events_are_named_once_and_none_means_all() -> None:
    assert faults(events=(EventType.FAILED, EventType.FAILED)) == ["events"]
    assert all(ENDPOINT.wants(event_type) for event_type in EventType)
    some = replace(ENDPOINT, events=(EventType.FAILED, EventType.RETURNED))
    assert [event_type for event_type in EventType if some.wants(event_type)] == [EventType.FAILED, EventType.RETURNED]


@pytest.mark.parametrize("reason", DisabledReason)
def test_it_has_a_reason_when_it_is_disabled_and_only_then(reason: DisabledReason) -> None:
    assert replace(ENDPOINT, enabled=False, disabled_reason=reason).disabled_reason is reason
    assert faults(enabled=False) == ["disabled_reason"]
    assert faults(disabled_reason=reason) == ["disabled_reason"]


def test_every_fault_is_named_at_once() -> None:
    assert faults(url="", events=(EventType.FAILED,) * 2, enabled=False) == ["url", "events", "disabled_reason"]


def test_events_and_notices_are_named_and_nothing_else_is() -> None:
    assert [told_type(told.value) for told in TOLD_TYPES] == list(TOLD_TYPES)
    with pytest.raises(InvalidCommand, match=r"events: must be one of .*payment_completed.*webhook_endpoint_disabled"):
        told_type("payment_lost")
