"""Where a tenant is told of its payments: the URL, which events, and whether it is in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

from payments.fields import Faults, fault
from payments.payment import EventType
from payments.refusals import InvalidCommand, Refusal

URL_CHARACTERS_MAX = 2048
HOST_CHARACTERS_MAX = 253  # DNS's limit for a name.
PORT_MAX = 65_535
# Each event is delivered to each of them, and one that hangs keeps a connection: Stripe has 16, GitHub 20.
ENDPOINTS_MAX = 20

# Stricter than RFC 3986, so that whoever reads it finds the same host: no user information (which has an @ before the
# host), no fragment (which is never sent), no backslash (which some parsers take for a slash), no spaces.
_URL = re.compile(
    r"https?://(?P<host>\[[0-9a-f.]*:[0-9a-f:.]*\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][a-z0-9._~:/?@!$&'()*+,;=%\[\]-]*)?",
    re.ASCII | re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# Public by their numbers, and yet none of them a place on the Internet: IANA's special purposes (not whole in every
# release of ipaddress), relays of 6to4, and the host of a virtual machine on Azure.
_SPECIAL = tuple(IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))
# The resolver of most systems takes 127.1, 0x7f.0.0.1 and 2130706433 for addresses too.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class DisabledReason(StrEnum):
    """Why an endpoint is told nothing."""

    OWNER = "owner"  # It asked for that.
    GONE = "gone"  # It answered 410.
    FAILING = "failing"  # Nothing could be delivered to it for days.


class NoticeType(StrEnum):
    """What a tenant is told beside the events of its payments."""

    ENDPOINT_DISABLED = "webhook_endpoint_disabled"  # Not by its owner.


ToldType = EventType | NoticeType
TOLD_TYPES: tuple[ToldType, ...] = (*EventType, *NoticeType)
_NAMED: Mapping[str, ToldType] = {told.value: told for told in TOLD_TYPES}


def told_type(name: str) -> ToldType:
    """Return the type of event or notice that has this name. Raises InvalidCommand, which names them all."""
    if name not in _NAMED:
        raise InvalidCommand(fault("events", f"must be one of {', '.join(_NAMED)}"))
    return _NAMED[name]


class TooManyEndpoints(Refusal):
    """A tenant has at most 20 endpoints, disabled ones among them: one must be deleted before there is another."""

    code = "too-many-endpoints"

    def __init__(self) -> None:
        super().__init__(f"there are {ENDPOINTS_MAX} endpoints already; delete one that is not needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """A URL that the events of a tenant's payments, and notices, are delivered to: those of `events`, or all when it is
    empty."""

    url: str
    events: tuple[ToldType, ...] = ()
    enabled: bool = True
    disabled_reason: DisabledReason | None = None

    def __post_init__(self) -> None:
        faults = url_faults("url", self.url)
        if len(set(self.events)) != len(self.events):
            faults += fault("events", "must name each event type once")
        if self.enabled is (self.disabled_reason is not None):
            faults += fault("disabled_reason", "must be there when it is disabled, and only then")
        if faults:
            raise InvalidCommand(faults)

    def wants(self, event_type: ToldType) -> bool:
        """Return whether it is to be told of such an event, were it enabled."""
        return not self.events or event_type in self.events


def url_faults(field: str, url: str) -> Faults:
    """A URL is http or https, of at most 2048 characters of ASCII, and names its host in one way."""
    if len(url) > URL_CHARACTERS_MAX:
        return fault(field, f"must be at most {URL_CHARACTERS_MAX} characters")
    parts = _URL.fullmatch(url)
    if parts is None:
        return fault(field, "must be an http or https URL in ASCII, without user information or a fragment")
    if parts["port"] is not None and not 1 <= int(parts["port"]) <= PORT_MAX:
        return fault(field, f"must have a port from 1 to {PORT_MAX}, if any")
    if not _names_a_host(host_of(url)):
        return fault(field, "must name a host, or an address as four decimal numbers or as IPv6 in brackets")
    return ()


def host_of(url: str) -> str:
    """Return the host of a URL that has no faults: in small letters, an IPv6 address without its brackets."""
    parts = _URL.fullmatch(url)
    assert parts is not None, "asked only of what url_faults has passed, or is about to judge"
    return parts["host"].lower().strip("[]")


def names_private_host(url: str) -> bool:
    """Return whether the URL itself names this machine or a network that is not public; names are not looked up."""
    host = host_of(url).removesuffix(".")
    address = _address(host)
    if address is not None:
        return not is_public(address)
    return host == "localhost" or host.endswith(".localhost")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether the address is of the public Internet: not private, loopback, link-local, multicast or reserved.

    Addresses that carry an IPv4 address (mapped, 6to4, Teredo, NAT64) are not: it could be a private one.
    """
    if isinstance(address, IPv6Address) and (address.sixtofour is not None or address.is_site_local):
        return False
    if any(address in network for network in _SPECIAL):
        return False
    # What is mapped or of NAT64 lies in ::/8, and Teredo in 2001::/23: reserved the one, not global the other.
    return address.is_global and not address.is_multicast and not address.is_reserved


def _names_a_host(host: str) -> bool:
    if ":" in host:
        return _address(host) is not None
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _address(host) is not None
    return len(host) <= HOST_CHARACTERS_MAX and all(_LABEL.fullmatch(label) for label in labels)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None
