"""Connections to endpoints, none of them to an address that is not public (server-side request forgery).

A URL is whatever a tenant says, and a name resolves to whatever its owner says, differently each time. So the address
is judged in the moment in which a socket for it is made, and no other is connected to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

Address = IPv4Address | IPv6Address

# Lookups that hang, for half a minute or longer, must not hold up others: of a name there is one at a time.
LOOKUPS_MAX = 256
KEPT_ALIVE_S = 30.0
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class AddressRefused(OSError):
    """The endpoint's address is one that DirectPay does not connect to."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"{address} is not a public address")


class NameResolver(AbstractResolver):
    """Asks the system, in threads of its own: those of the event loop are few, and others wait for them."""

    def __init__(self, look_up: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="webhook-names")
        self._under_way: dict[tuple[str, int, int], asyncio.Future[list[Any]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        asked = (host, port, family)
        lookup = self._under_way.get(asked)
        if lookup is None:
            look_up = partial(self._look_up, host, port, family=family, type=socket.SOCK_STREAM)
            lookup = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
            self._under_way[asked] = lookup
            lookup.add_done_callback(partial(self._answered, asked))
        # Who gives up takes the answer from nobody; the thread waits for it anyway.
        found = await asyncio.shield(lookup)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=family, proto=protocol, flags=_NUMERIC)
            for family, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answered(self, asked: tuple[str, int, int], lookup: asyncio.Future[list[Any]]) -> None:
        del self._under_way[asked]
        if not lookup.cancelled():
            # Perhaps nobody waits for it any more, and hears why.
            lookup.exception()


def open_connector(resolver: AbstractResolver, may_connect: Callable[[Address], bool]) -> TCPConnector:
    """Return what makes connections to the addresses that `may_connect` allows."""

    def make_socket(place: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = place
        address = ip_address(str(where[0]))
        if not may_connect(address):
            raise AddressRefused(address)
        return socket.socket(family=family, type=kind, proto=protocol)

    return TCPConnector(
        resolver=resolver,
        # The system keeps what it looked up as long as the name's owner says.
        use_dns_cache=False,
        # Bounded for each endpoint by who delivers to it: a bound over all would let the dead ones starve the others.
        limit=0,
        keepalive_timeout=KEPT_ALIVE_S,
        socket_factory=make_socket,
    )
