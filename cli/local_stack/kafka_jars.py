"""Apache Kafka's jars: fetched once from Maven Central with jgo, kept in the user's cache."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cli.local_stack.maven import TIMEOUT_S, Say, downloading, installed
from cli.local_stack.trouble import StackError

KAFKA_VERSION = "4.2.2"
LOG4J_VERSION = "2.25.5"  # The one that Kafka brings; the binding must be of the same.

# Two closures, not one: in one, log4j's dependencyManagement wins and brings kafka-clients 3.9.1 beside a 4 broker.
# The binding is for slf4j 1.7, which Kafka brings; without it a broker that cannot bind its port dies without a word.
ROOTS = (
    (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",),
    (
        f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
        f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
    ),
)
JARS_BYTES = 45 * 2**20  # For the progress line; the true sum differs a little.
DOWNLOADS_AT_ONCE = 6
PROGRESS_EVERY_S = 2.0


def kafka_jars(cache_dir: Path, say: Say) -> Path:
    """Return the folder with all jars of the broker, downloading them first when they are not there."""
    finished = cache_dir / f"kafka-{KAFKA_VERSION}-log4j-{LOG4J_VERSION}"

    def fill(staging: Path) -> None:
        began = time.monotonic()
        say(f"Downloading Apache Kafka {KAFKA_VERSION} from Maven Central, about {JARS_BYTES // 2**20} MB (once)")
        jars = staging / "jars"
        for jar in set(_fetch(staging / "repository", _Progress(say))):
            jar.rename(jars / jar.name)
        _require_one_version(jars)
        say(f"Downloaded Apache Kafka in {time.monotonic() - began:.0f} s to {finished}")

    return installed(finished, "Apache Kafka", fill, say)


def _fetch(repository: Path, progress: _Progress) -> list[Path]:
    # Imported here: these pull in what only a first start needs.
    from jgo.maven import MavenContext, PythonResolver
    from jgo.parse import Coordinate

    jars: list[Path] = []
    with downloading("Apache Kafka"):
        for coordinates in ROOTS:
            context = MavenContext(
                repo_cache=repository, resolver=PythonResolver(progress_callback=progress.of_file), timeout=TIMEOUT_S
            )
            roots = [replace(Coordinate.parse(each), scope="compile") for each in coordinates]
            inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
            artifacts = [each.artifact for each in (*inputs, *transitive) if each.scope in ("compile", "runtime")]
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as downloads:
                jars += downloads.map(lambda artifact: artifact.resolve(), artifacts)
    return jars


def _require_one_version(jars: Path) -> None:
    """Refuse a mixture: a broker on two versions of one library fails late and strangely."""
    names = sorted(jar.name for jar in jars.iterdir())
    artifacts = Counter(re.sub(r"-\d[^-]*\.jar$", "", name) for name in names)
    wrong = [name for name in names if name.startswith("kafka") and not name.endswith(f"-{KAFKA_VERSION}.jar")]
    wrong += [name for name in names if artifacts[re.sub(r"-\d[^-]*\.jar$", "", name)] > 1]
    if wrong or "kafka-clients" not in artifacts:
        raise StackError(
            f"Resolving Apache Kafka {KAFKA_VERSION} gave a mixture: {', '.join(wrong) or 'no kafka-clients'}.",
            "This is a fault of DirectPay's download step: please report it.",
        )


class _Progress:
    """Says how far the download is, at most every two seconds."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._bytes = 0
        self._said_at = time.monotonic()

    @contextmanager
    def of_file(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield self._count

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes += size
            if time.monotonic() - self._said_at >= PROGRESS_EVERY_S:
                self._said_at = time.monotonic()
                percent = min(99, self._bytes * 100 // JARS_BYTES)
                self._say(f"  {self._bytes / 2**20:.1f} MB, {percent} %")
