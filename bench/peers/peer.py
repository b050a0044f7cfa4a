"""What every peer's System has in common: a Postgres, its programs, the payments, and how they are judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TypeVar

import httpx

from bench.peers import orders
from bench.peers.judged import Judged
from bench.peers.program import Program, program
from bench.postgres import postgres
from bench.process_times import families
from bench.system import Post
from cli.local_stack.ports import HOST, free_port
from cli.local_stack.trouble import StackError

READY_S_MAX = 600.0  # It takes some 20 s; a busy machine must not make it fail.
LOOK_S = 0.2
Held = TypeVar("Held")


class Peer:
    """A System in the making: a design says in `_begin` which programs it has, and runs them with `_run`.

    All that it keeps is in `folder`, which has to be there, and goes with whoever made it.
    """

    name: str

    def __init__(self, folder: Path) -> None:
        self.url = f"http://{HOST}:{free_port()}"
        self.folder = folder
        self._open = ExitStack()
        self._programs: list[Program] = []
        self._servers: list[int] = []
        self._judged: Judged | None = None

    def start(self) -> None:
        try:
            database = self._enter(postgres(self.folder))
            self._servers.append(database.pid)
            self._begin(database.owner_uri)
            self._judged = Judged(database.owner_uri)
            self._open.callback(self._judged.close)
            self._finish_probe()
        except StackError as error:
            self.stop()
            raise RuntimeError(f"{self.name}: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._open.close()
        self._programs.clear()
        self._servers.clear()

    def pids(self) -> Sequence[int]:
        return families((*self._servers, *(each.process.pid for each in self._programs)))

    def single(self, number: int) -> Post:
        return orders.single(number)

    def batch(self, numbers: Sequence[int]) -> Post:
        return orders.batch(numbers)

    def accepted(self, status: int, body: bytes) -> int:
        return orders.accepted(status, body)

    def finished(self) -> int:
        return self._judge.finished()

    def faults(self, accepted: int) -> Mapping[str, int]:
        return self._judge.faults(accepted)

    def disk_bytes(self) -> Mapping[str, int]:
        return {"postgres": self._judge.disk_bytes()}

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    @property
    def _judge(self) -> Judged:
        assert self._judged is not None, "start it first"
        return self._judged

    def _begin(self, database_uri: str) -> None:
        """Start everything but Postgres, whose empty database is at `database_uri`; need not wait until it works."""
        raise NotImplementedError

    def _run(self, name: str, *argv: str, env: Mapping[str, str]) -> Program:
        running = self._enter(program(name, argv, self.folder, env))
        self._programs.append(running)
        return running

    def _wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        """Return when `holds` does; RuntimeError when a program ended, or it takes too long."""
        give_up_at = time.monotonic() + READY_S_MAX
        while not holds():
            for each in self._programs:
                each.require_alive()
            if time.monotonic() > give_up_at:
                logs = "\n".join(f"{each.name}: {each.log_end()}" for each in self._programs)
                raise RuntimeError(f"{self.name}: {what} did not come in time\n{logs}")
            time.sleep(LOOK_S)

    def _finish_probe(self) -> None:
        """Return when a payment has gone all the way."""
        post = orders.probe()

        def is_accepted() -> bool:
            try:
                answer = httpx.post(f"{self.url}{post.path}", content=post.body, headers=dict(post.headers), timeout=60)
            except httpx.TransportError:
                return False
            return self.accepted(answer.status_code, answer.content) == 1

        self._wait_for("an answer", is_accepted)
        self._wait_for("a completed payment", lambda: self._judge.finished(orders.PROBE_KEY) == 1)

    def _enter(self, context: AbstractContextManager[Held]) -> Held:
        return self._open.enter_context(context)
