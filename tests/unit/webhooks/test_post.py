"""One attempt against a real receiver: only 2xx succeeds, nothing is followed, no private address is connected to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from aiohttp.test_utils import TestServer

from directory.webhook_endpoint import is_public
from schemas import codec
from tests.unit.webhooks.deliveries import due
from tests.unit.webhooks.receivers import HERE, Receiver, SaidNames
from webhooks.attempts import judged
from webhooks.connections import Address, NameResolver, open_connector
from webhooks.post import Answer, Poster
from webhooks.retries import Schedule

ANSWER_S_MAX = 20.0
HANGS_S = 1.0  # Who hangs is given up so soon.


def with_receiver(
    story: Callable[[Receiver, Poster, Callable[[str], str]], Awaitable[None]],
    *,
    names: Mapping[str, list[str]] | None = None,
    may_connect: Callable[[Address], bool] = lambda _: True,
    answer_s_max: float = ANSWER_S_MAX,
) -> None:
    """Tell a story of a receiver, of a poster with these names and allowed addresses, and of URLs by host."""

    async def tell() -> None:
        receiver = Receiver()
        app = web.Application()
        app.router.add_post("/{path:.*}", receiver.answer)
        async with TestServer(app, host=HERE) as server:
            poster = Poster(open_connector(SaidNames(names or {}), may_connect), answer_s_max=answer_s_max)
            try:
                await story(receiver, poster, lambda place: f"http://{place.replace('/', f':{server.port}/', 1)}")
            finally:
                receiver.let_go()
                await poster.close()

    asyncio.run(tell())


async def post(poster: Poster, url: str) -> Answer:
    return await poster.post(url, b'{"type":"payment_completed"}', {"webhook-id": "m:1"})


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_success(status: int) -> None:
    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{HERE}/{status}"))
        assert (answer.is_success, answer.status_code, answer.error) == (True, status, None)
        assert receiver.bodies == [b'{"type":"payment_completed"}']
        assert receiver.got[0].headers["webhook-id"] == "m:1"

    with_receiver(story)


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 500, 503])
def test_any_other_status_is_not(status: int) -> None:
    async def story(_: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{HERE}/{status}"))
        assert (answer.is_success, answer.status_code) == (False, status)
        assert answer.error is not None
        assert answer.error.startswith(f"answered {status}")

    with_receiver(story)


def test_a_redirect_is_not_followed() -> None:
    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{HERE}/redirect"))
        assert (answer.is_success, answer.status_code) == (False, 307)
        assert [request.path for request in receiver.got] == ["/redirect"]

    with_receiver(story)


def test_what_a_receiver_says_of_patience_is_told() -> None:
    async def story(_: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{HERE}/patience"))
        assert (answer.status_code, answer.retry_after) == (429, "120")

    with_receiver(story)


def test_a_receiver_that_hangs_is_given_up() -> None:
    async def story(_: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{HERE}/hang"))
        assert (answer.status_code, answer.error) == (None, "no answer within 1 s")
        assert answer.duration_ms >= HANGS_S * 1000

    with_receiver(story, answer_s_max=HANGS_S)


def test_a_receiver_that_drops_the_connection_or_is_not_there_has_not_answered() -> None:
    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        dropped = await post(poster, url(f"{HERE}/drop"))
        assert dropped.status_code is None
        assert dropped.error
        assert len(receiver.got) == 1, "what may have been heard is not posted again within an attempt"
        with socket.socket() as taken:
            taken.bind((HERE, 0))
            absent = await post(poster, f"http://{HERE}:{taken.getsockname()[1]}/")
        assert absent.status_code is None
        assert absent.error is not None
        assert absent.error.startswith("no connection")
        unknown = await post(poster, "http://nobody.example/")
        assert unknown.error == "its name cannot be looked up: no such name"

    with_receiver(story)


def test_only_the_status_counts_whatever_becomes_of_the_rest_of_the_answer() -> None:
    async def story(_: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        assert (await post(poster, url(f"{HERE}/hang-behind-200"))).is_success

    with_receiver(story, answer_s_max=HANGS_S)


def test_an_answer_that_does_not_end_is_not_read_to_its_end() -> None:
    async def story(_: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        assert (await post(poster, url(f"{HERE}/flood"))).is_success

    with_receiver(story)


def test_connections_are_used_again() -> None:
    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        for _ in range(3):
            await post(poster, url(f"{HERE}/204"))
        ports = {request.transport.get_extra_info("peername")[1] for request in receiver.got if request.transport}
        assert len(ports) == 1

    with_receiver(story)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
     "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "168.63.129.16", "192.0.0.192",
     "192.88.99.1"],
)  # fmt: skip
def test_an_address_that_is_not_public_is_not_connected_to(host: str) -> None:
    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        answer = await post(poster, url(f"{host}/200"))
        assert answer.status_code is None
        assert answer.error is not None
        assert "is not a public address" in answer.error
        assert not receiver.got

    with_receiver(story, may_connect=is_public)


def test_a_name_is_judged_by_what_it_resolves_to_at_each_connection() -> None:
    # A name that was at a good address is then at a bad one: what it was before counts for nothing.
    good, bad = HERE, "127.0.0.2"

    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        assert (await post(poster, url("rebinding.example/200"))).is_success
        # The connection that is open goes where it went. A receiver that closes it is looked up anew.
        assert not (await post(poster, url("rebinding.example/drop"))).is_success
        answer = await post(poster, url("rebinding.example/200"))
        assert answer.error is not None
        assert f"{bad} is not a public address" in answer.error
        assert [request.path for request in receiver.got] == ["/200", "/drop"]

    def may_connect(address: Address) -> bool:
        return address == ip_address(good)

    with_receiver(story, names={"rebinding.example": [good, bad]}, may_connect=may_connect)


def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    tried: list[Address] = []

    def may_connect(address: Address) -> bool:
        tried.append(address)
        return address == ip_address(HERE)

    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        assert (await post(poster, url("several.example/200"))).is_success
        assert len(receiver.got) == 1

    with_receiver(story, names={"several.example": [f"10.0.0.1 {HERE}"]}, may_connect=may_connect)
    assert set(tried) == {ip_address("10.0.0.1"), ip_address(HERE)}


def test_the_system_is_asked_for_names_in_threads_of_its_own() -> None:
    async def tell() -> list[Any]:
        resolver = NameResolver()
        try:
            return await resolver.resolve("localhost", 80, socket.AF_INET)
        finally:
            await resolver.close()

    found = asyncio.run(tell())
    assert {each["host"] for each in found} == {HERE}
    assert {each["port"] for each in found} == {80}


def test_lookups_of_a_name_that_hangs_share_one_thread_and_who_gives_up_takes_it_from_nobody() -> None:
    goes_on = threading.Event()
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        goes_on.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (HERE, port))]

    async def tell() -> list[Any]:
        resolver = NameResolver(look_up)
        try:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(resolver.resolve("hangs.example", 80), 0.01)
            last = asyncio.create_task(resolver.resolve("hangs.example", 80))
            await asyncio.sleep(0)
            goes_on.set()
            return await last
        finally:
            goes_on.set()
            await resolver.close()

    assert [each["host"] for each in asyncio.run(tell())] == [HERE]
    assert asked == ["hangs.example"]


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxied: list[object] = []

    async def story(receiver: Receiver, poster: Poster, url: Callable[[str], str]) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            proxied.append(await reader.readline())
            writer.close()

        async with await asyncio.start_server(accept, HERE, 0) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, f"http://{HERE}:{proxy.sockets[0].getsockname()[1]}")
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            assert (await post(poster, url(f"{HERE}/204"))).is_success
            assert not (await post(poster, url("nobody.example/204"))).is_success
        assert [request.path for request in receiver.got] == ["/204"]

    with_receiver(story)
    assert not proxied


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 \xff\xfe OK\r\n\r\n",
        b"HTTP/1.1 500 \xff\xfe\r\n\xff\xfe: \xed\xa0\x80\r\n\r\n",
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: \xed\xa0\x80\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/9.9 204 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(20_000)) + b"\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
        b"",
    ],
)
def test_whatever_bytes_a_receiver_says_an_attempt_ends_with_a_record_that_can_be_written(said: bytes) -> None:
    async def tell() -> Answer:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            writer.close()

        poster = Poster(open_connector(SaidNames({}), lambda _: True), answer_s_max=ANSWER_S_MAX)
        try:
            async with await asyncio.start_server(accept, HERE, 0) as server:
                return await post(poster, f"http://{HERE}:{server.sockets[0].getsockname()[1]}/")
        finally:
            await poster.close()

    answer = asyncio.run(tell())
    attempted = judged(due(), answer, Schedule(), began_us=1, now_us=2)
    assert codec.decode(codec.encode(attempted.delivery)) == attempted.delivery
    assert answer.is_success or answer.error


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError("\udcff"), UnicodeError("label")])
def test_what_a_name_makes_the_client_raise_is_a_failure_of_its_endpoint(error: Exception) -> None:
    class Raises(SaidNames):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            raise error

    async def tell() -> Answer:
        poster = Poster(open_connector(Raises({}), lambda _: True))
        try:
            return await post(poster, "http://nobody.example/")
        finally:
            await poster.close()

    answer = asyncio.run(tell())
    attempted = judged(due(), answer, Schedule(), began_us=1, now_us=2)
    assert codec.decode(codec.encode(attempted.delivery)) == attempted.delivery
    assert answer.error
