"""A load as the bench asks for it: requests made beforehand, sent by the generator's process, and what was heard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench import open_loop
from bench.system import Post

# Beyond it a client has gone away, and so has the bench.
ANSWER_S_MAX = 60.0
START_S_MAX = 60.0


class GeneratorFailed(Exception):
    """The generator ended without a result; what it said is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`rate` is requests a second, each at its time; None saturates: every connection asks as soon as it is answered.

    Saturating ends after `seconds`, or when there are no posts left.
    """

    posts: Sequence[Post]
    connections: int
    seconds: float
    rate: float | None = None


class Offer:
    """A load that is ready to be offered to the system at `url`; files between the processes are in `folder`."""

    def __init__(self, url: str, load: Load, folder: Path) -> None:
        self._plan_path, self._result_path = folder / "load.msgpack", folder / "heard.msgpack"
        self._s_max = START_S_MAX + load.seconds + ANSWER_S_MAX
        place = urlsplit(url)
        assert place.hostname is not None, url
        plan = open_loop.Plan(
            host=place.hostname,
            port=place.port or 80,
            connections=load.connections,
            rate=load.rate,
            seconds=load.seconds,
            answer_s_max=ANSWER_S_MAX,
            requests=[request_bytes(post, place.netloc) for post in load.posts],
        )
        self._plan_path.write_bytes(msgspec.msgpack.encode(plan))

    def make(self) -> open_loop.Result:
        """Return what was heard; raises GeneratorFailed."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", open_loop.__name__, str(self._plan_path), str(self._result_path)],
                capture_output=True,
                check=False,
                timeout=self._s_max,
            )
            if done.returncode:
                raise GeneratorFailed(done.stderr.decode(errors="replace")[-2000:])
            return msgspec.msgpack.decode(self._result_path.read_bytes(), type=open_loop.Result)
        finally:
            self._plan_path.unlink(missing_ok=True)
            self._result_path.unlink(missing_ok=True)


def request_bytes(post: Post, host: str) -> bytes:
    """Return the whole request as it goes over the wire."""
    headers = {"Host": host, **post.headers, "Content-Length": str(len(post.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{post.method} {post.path} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + post.body
