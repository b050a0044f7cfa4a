"""The load generator, a process of its own: `python -m bench.open_loop PLAN RESULT`.

Open loop: each request has a time at which it is due, whatever the system does meanwhile, and its latency counts from
then; one that had to wait because all connections were busy has waited. Without a rate it saturates: each connection
sends its next request as soon as it has its answer. Requests are made beforehand and answers are only kept here: what
a request costs is a write and a parse.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from bench.http_line import Line

# uvicorn closes a connection that was idle for 5 s: one that is near that could close under a request.
IDLE_S_MAX = 4.0
# The shortest wait of the event loop's clock; so much may a request leave late.
TICK_S = 0.001
RECONNECT_S = 0.1
# Whoever saturates and is refused comes back after a moment; a loop that asks in vain would only take the CPU.
REFUSED_PAUSE_S = 0.1
NO_ANSWER = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`requests` are the bytes of each; `rate` is requests a second, None to saturate for `seconds`.

    What has no answer `answer_s_max` after the last was due is given up.
    """

    host: str
    port: int
    connections: int
    rate: float | None
    seconds: float
    answer_s_max: float
    requests: list[bytes]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """`request` is a place in the plan; a status of 0 is none. `late_us` is from its time until it was sent."""

    request: int
    status: int
    latency_us: int
    late_us: int
    body: bytes


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Times by the monotonic clock, which all processes of a machine share; `cpu_s` is the generator's own."""

    began_s: float
    ended_s: float
    cpu_s: float
    answers: list[Answer]


class Generator:
    """Carries out one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._answers: list[Answer] = []
        self._late_us: dict[int, int] = {}
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()
        self._failure: BaseException | None = None
        self._loop.set_exception_handler(self._fail)
        self._began_s = 0.0

    async def run(self) -> Result:
        """Return when every request that was sent is answered or given up."""
        plan = self._plan
        await asyncio.gather(*(self._open() for _ in range(plan.connections)))
        cpu_s, self._began_s = time.process_time(), time.monotonic()
        self._feed()
        try:
            await asyncio.wait_for(self._over.wait(), plan.seconds + plan.answer_s_max)
        except TimeoutError:
            self._give_up()
        if self._failure is not None:
            raise self._failure
        ended_s = time.monotonic()
        result = Result(
            began_s=self._began_s, ended_s=ended_s, cpu_s=time.process_time() - cpu_s, answers=self._answers
        )
        for line in self._lines:
            line.close()
        return result

    def answered(self, line: Line, status: int, body: bytes) -> None:
        self._note(line, status, body)
        if self._plan.rate is None and status >= 300:
            self._loop.call_later(REFUSED_PAUSE_S, self._release, line)
        else:
            self._release(line)

    def dropped(self, line: Line) -> None:
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if line.request is not None:
            self._note(line, NO_ANSWER, b"")
        self._feed()

    def _fail(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the run: a fault of the generator would pass for one of the system."""
        self._failure = context.get("exception") or RuntimeError(context["message"])
        self._over.set()

    def _note(self, line: Line, status: int, body: bytes) -> None:
        assert line.request is not None, "an answer has a request"
        latency_us = round((time.monotonic() - line.from_s) * 1_000_000)
        late_us = self._late_us.pop(line.request)
        self._answers.append(Answer(line.request, status, latency_us, late_us, body))
        line.request = None

    def _release(self, line: Line) -> None:
        if line.is_open:
            line.idle_since_s = time.monotonic()
            self._idle.append(line)
        self._feed()

    def _feed(self) -> None:
        """Send what is due on the lines that are idle, and see to it that this goes on."""
        now_s = time.monotonic()
        while (due_s := self._due_s(now_s)) is not None and due_s <= now_s:
            line = self._idle_line(now_s)
            if line is None:
                self._open_another()
                return
            number = self._next
            self._next += 1
            self._late_us[number] = round((now_s - due_s) * 1_000_000)
            line.send(number, due_s, self._plan.requests[number])
        if due_s is not None:
            if self._timer is None:
                self._timer = self._loop.call_later(max(due_s - now_s, TICK_S), self._ring)
        elif not self._late_us:
            self._over.set()

    def _ring(self) -> None:
        self._timer = None
        self._feed()

    def _due_s(self, now_s: float) -> float | None:
        """Return when the next request is due, None when there is none any more."""
        plan = self._plan
        if self._next == len(plan.requests):
            return None
        if plan.rate is not None:
            return self._began_s + self._next / plan.rate
        return now_s if now_s < self._began_s + plan.seconds else None

    def _idle_line(self, now_s: float) -> Line | None:
        # The last used first, so that those that are not needed go idle and end.
        while self._idle:
            line = self._idle.pop()
            if line.is_open and now_s - line.idle_since_s < IDLE_S_MAX:
                return line
            line.close()
        return None

    def _open_another(self) -> None:
        if len(self._lines) + len(self._opening) < self._plan.connections:
            task = self._loop.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            _, line = await self._loop.create_connection(lambda: Line(self), self._plan.host, self._plan.port)
        except OSError:
            await asyncio.sleep(RECONNECT_S)
            if self._began_s:
                self._loop.call_soon(self._feed)
            return
        self._lines.add(line)
        line.idle_since_s = time.monotonic()
        self._idle.append(line)
        if self._began_s:
            self._feed()

    def _give_up(self) -> None:
        """Note what has no answer, and what was due and could not even be sent."""
        for line in self._lines:
            if line.request is not None:
                self._note(line, NO_ANSWER, b"")
        now_s = time.monotonic()
        while (due_s := self._due_s(now_s)) is not None:
            late_us = round((now_s - due_s) * 1_000_000)
            self._answers.append(Answer(self._next, NO_ANSWER, late_us, late_us, b""))
            self._next += 1


def main(plan_path: Path, result_path: Path) -> None:
    plan = msgspec.msgpack.decode(plan_path.read_bytes(), type=Plan)
    # Nothing here is in a cycle, and a pause of the collector would be taken for one of the system.
    gc.disable()

    async def generate() -> Result:
        return await Generator(plan).run()

    result_path.write_bytes(msgspec.msgpack.encode(uvloop.run(generate())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
