"""Apache Kafka's jars: fetched once from Maven Central with jgo, kept in the user's cache."""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cli.local_stack.trouble import DownloadFailed, StackError, explained

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
TIMEOUT_S = 30
PROGRESS_EVERY_S = 2.0
Say = Callable[[str], None]


def kafka_jars(cache_dir: Path, say: Say) -> Path:
    """Return the folder with all jars of the broker, downloading them first when they are not there.

    Safe when several stacks do it at once: one downloads, the others wait; the folder appears complete or not at all.
    """
    finished = cache_dir / f"kafka-{KAFKA_VERSION}-log4j-{LOG4J_VERSION}"
    if finished.is_dir():
        return finished
    with explained(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _only_one(cache_dir / "download.lock", say):
            if not finished.is_dir():
                _download_into(finished, say)
    return finished


@contextmanager
def _only_one(path: Path, say: Say) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another stack is downloading Kafka: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)  # Freed by the system when its holder ends, however it ends.
        yield


def _download_into(finished: Path, say: Say) -> None:
    """Download every jar into a staging folder and rename it; a run that is cut short leaves nothing that counts."""
    for leftover in finished.parent.glob("staging-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # We hold the lock, so its owner is gone.
    staging = Path(tempfile.mkdtemp(prefix="staging-", dir=finished.parent))
    try:
        began = time.monotonic()
        say(f"Downloading Apache Kafka {KAFKA_VERSION} from Maven Central, about {JARS_BYTES // 2**20} MB (once)")
        jars = staging / "jars"
        jars.mkdir()
        for jar in set(_fetch(staging / "repository", _Progress(say))):
            jar.rename(jars / jar.name)
        _require_one_version(jars)
        jars.chmod(0o755)
        jars.rename(finished)
        say(f"Downloaded Apache Kafka in {time.monotonic() - began:.0f} s to {finished}")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch(repository: Path, progress: _Progress) -> list[Path]:
    # Imported here: these pull in what only a first start needs.
    from jgo.maven import MavenContext, PythonResolver
    from jgo.parse import Coordinate

    jars: list[Path] = []
    try:
        for coordinates in ROOTS:
            context = MavenContext(
                repo_cache=repository, resolver=PythonResolver(progress_callback=progress.of_file), timeout=TIMEOUT_S
            )
            roots = [replace(Coordinate.parse(each), scope="compile") for each in coordinates]
            inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in roots])
            artifacts = [each.artifact for each in (*inputs, *transitive) if each.scope in ("compile", "runtime")]
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as downloads:
                jars += downloads.map(lambda artifact: artifact.resolve(), artifacts)
    except OSError as error:
        if error.errno is not None and not _is_network(error):
            raise
        raise DownloadFailed("Apache Kafka", _brief(error)) from error
    except Exception as error:
        raise DownloadFailed("Apache Kafka", _brief(error)) from error
    return jars


def _is_network(error: OSError) -> bool:
    # requests' exceptions are OSErrors too; the system's own about files name a file.
    return error.filename is None and type(error).__module__.partition(".")[0] in ("requests", "urllib3")


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")


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
