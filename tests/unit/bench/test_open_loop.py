"""Latency counts from the time at which a request was due: one that could not be sent has waited all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.load import request_bytes
from bench.open_loop import NO_ANSWER, Generator, Plan, Result
from bench.system import Post

STALL_S = 0.3
REQUEST = request_bytes(Post(path="/pay", body=b"{}", headers={"Content-Type": "application/json"}), "bank:80")
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
LAST = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Server:
    """Answers each request by its number in the order of arrival; None hangs up."""

    answer: Callable[[int], Awaitable[bytes | None]]
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not reader.at_eof():
                request = await reader.readexactly(len(REQUEST))
                self.seen.append(request)
                answer = await self.answer(len(self.seen) - 1)
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def offered(
    server: Server,
    requests: int,
    *,
    rate: float | None,
    seconds: float,
    connections: int = 1,
    answer_s_max: float = 10.0,
) -> Result:
    async def run() -> Result:
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            plan = Plan(
                host="127.0.0.1",
                port=port,
                connections=connections,
                rate=rate,
                seconds=seconds,
                answer_s_max=answer_s_max,
                requests=[REQUEST] * requests,
            )
            return await Generator(plan).run()

    return asyncio.run(run())


async def ok(_number: int) -> bytes:
    return OK


def test_requests_that_wait_behind_a_slow_one_have_its_latency() -> None:
    async def stall_at_the_first(number: int) -> bytes:
        await asyncio.sleep(STALL_S if number == 0 else 0)
        return OK

    result = offered(Server(stall_at_the_first), 10, rate=100.0, seconds=0.1)
    latencies = {each.request: each.latency_us / 1e6 for each in result.answers}
    # Number n was due at n/100 s, and all were answered after the stall: who measures from the sending sees only one.
    assert [latencies[number] >= STALL_S - number / 100 for number in range(10)] == [True] * 10
    assert {each.status for each in result.answers} == {201}


def test_requests_are_sent_at_their_times_and_not_before() -> None:
    server = Server(ok)
    result = offered(server, 20, rate=100.0, seconds=0.2, connections=4)
    assert result.ended_s - result.began_s >= 0.19
    assert all(each.late_us >= 0 for each in result.answers)
    assert sorted(each.request for each in result.answers) == list(range(20))
    assert server.connections == 4


def test_a_saturating_loop_sends_until_its_time_is_up() -> None:
    result = offered(Server(ok), 1_000_000, rate=None, seconds=0.2, connections=2)
    assert 0 < len(result.answers) < 1_000_000
    assert 0.2 <= result.ended_s - result.began_s < 5


def test_a_saturating_loop_ends_when_there_is_nothing_left_to_send() -> None:
    assert len(offered(Server(ok), 5, rate=None, seconds=60).answers) == 5


def test_what_is_refused_is_told_with_its_status() -> None:
    async def busy(number: int) -> bytes:
        return BUSY if number % 2 else OK

    result = offered(Server(busy), 6, rate=None, seconds=60)
    assert [each.status for each in result.answers] == [201, 429] * 3
    assert [each.body for each in result.answers] == [b"{}", b""] * 3


def test_a_request_whose_connection_breaks_has_no_answer_and_the_next_gets_a_new_one() -> None:
    async def hang_up(number: int) -> bytes | None:
        return None if number == 0 else OK

    server = Server(hang_up)
    result = offered(server, 3, rate=None, seconds=60)
    assert [each.status for each in result.answers] == [NO_ANSWER, 201, 201]
    assert server.connections == 2


def test_a_server_that_closes_after_an_answer_is_asked_again_on_a_new_connection() -> None:
    async def once(_number: int) -> bytes:
        return LAST

    server = Server(once)
    assert [each.status for each in offered(server, 3, rate=None, seconds=60).answers] == [201] * 3
    assert server.connections == 3


def test_what_is_not_answered_in_time_and_what_could_not_be_sent_are_told_as_unanswered() -> None:
    async def never(_number: int) -> bytes:
        await asyncio.sleep(60)
        return OK

    result = offered(Server(never), 3, rate=100.0, seconds=0.03, answer_s_max=0.2)
    assert [(each.request, each.status) for each in result.answers] == [(n, NO_ANSWER) for n in range(3)]
    assert all(each.latency_us > 150_000 for each in result.answers)
