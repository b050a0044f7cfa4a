"""What the Kafka Streams peer runs on: jars from Maven Central and its own classes, in the user's cache, made once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.local_stack.java import VERSION_MIN, find_java, java_environment
from cli.local_stack.kafka_jars import kafka_jars
from cli.local_stack.maven import TIMEOUT_S, Say, downloading, installed
from cli.local_stack.trouble import DownloadFailed, StackError
from cli.settings import DownloadSettings

SOURCES = Path(__file__).with_name("java")
COMPILE_S_MAX = 600.0  # It takes 2 s of CPU time; a busy machine must not make it fail.
ID_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One file of Maven Central; `sha256` is what it must be, whatever the repository says."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


# Of the broker's version, so that the broker's jars are its clients. What else it needs (clients, Jackson, SLF4J, lz4)
# comes with the broker.
KAFKA_STREAMS = Jar(
    group="org.apache.kafka",
    artifact="kafka-streams",
    version="4.2.2",
    sha256="91d15d566827f4f7c9eb35bcfc50f2bf454262eb6f0f65c102cbcfdb441cddc6",
)
ROCKSDB = Jar(
    group="org.rocksdb",
    artifact="rocksdbjni",
    version="10.1.3",
    sha256="e7f925287d9fe2574fb7c7a86f7facaa9b8ab602a2eed0e598bf633528121498",
)
AVRO = Jar(
    group="org.apache.avro",
    artifact="avro",
    version="1.12.2",
    sha256="6522e2a146b859ad158bb024dcc3b0bc826680794a2523b0881dafcbd59ce2df",
)
# Eclipse's compiler: a Java that only runs programs has none.
COMPILER = Jar(
    group="org.eclipse.jdt",
    artifact="ecj",
    version="3.46.100",
    sha256="74c93172475fee0cd4e6eefb44233516dd40525642da35d009146d97ea598229",
)
JARS = (KAFKA_STREAMS, ROCKSDB, AVRO, COMPILER)
JARS_MB = 79


def java_command(say: Say, *options: str) -> list[str]:
    """Return the command that runs a class of the peer, which is to follow; installs what is not there yet.

    Raises StackError when it cannot be installed.
    """
    cache_dir = DownloadSettings().cache_dir.expanduser()
    java, kafka = find_java(), kafka_jars(cache_dir, say)
    jars = _jars(cache_dir, say)
    classpath = [*sorted(kafka.iterdir()), *(jars / each.name for each in JARS if each is not COMPILER)]
    classes = _classes(cache_dir, java, jars / COMPILER.name, classpath, say)
    return [str(java), *options, "-cp", _joined([classes, *classpath])]


def _jars(cache_dir: Path, say: Say) -> Path:
    def fill(staging: Path) -> None:
        say(f"Downloading Kafka Streams {KAFKA_STREAMS.version} from Maven Central, about {JARS_MB} MB (once)")
        for jar in JARS:
            _fetch(jar, staging / "repository").rename(staging / "jars" / jar.name)

    finished = cache_dir / f"kafka-streams-{_id(each.sha256.encode() for each in JARS)}"
    return installed(finished, "Kafka Streams", fill, say)


def _fetch(jar: Jar, repository: Path) -> Path:
    # Imported here: it pulls in what only a first start needs.
    from jgo.maven import MavenContext, PythonResolver

    with downloading(jar.name):
        context = MavenContext(repo_cache=repository, resolver=PythonResolver(), timeout=TIMEOUT_S)
        path: Path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    require_sha256(jar, path)
    return path


def require_sha256(jar: Jar, path: Path) -> None:
    """Raise DownloadFailed when the file is not the jar that was reviewed."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise DownloadFailed(jar.name, f"its SHA-256 is {found}, not {jar.sha256}")


def _classes(cache_dir: Path, java: Path, compiler: Path, classpath: list[Path], say: Say) -> Path:
    sources = sorted(SOURCES.glob("*.java"))
    # Named for what they are made of: a change of the program is compiled anew.
    finished = cache_dir / f"kafka-streams-peer-{_id(each.read_bytes() for each in [*sources, Path(__file__)])}"
    return installed(
        finished,
        "the Kafka Streams peer",
        partial(_compile, java=java, compiler=compiler, classpath=classpath, sources=sources),
        say,
    )


def _compile(staging: Path, *, java: Path, compiler: Path, classpath: list[Path], sources: list[Path]) -> None:
    of_version = ["-source", str(VERSION_MIN), "-target", str(VERSION_MIN)]
    command = [
        *(str(java), "-XX:TieredStopAtLevel=1", "-jar", str(compiler), *of_version, "-proc:none", "-nowarn"),
        *("-cp", _joined(classpath), "-d", str(staging / "jars"), *map(str, sources)),
    ]
    try:
        subprocess.run(
            command, capture_output=True, text=True, timeout=COMPILE_S_MAX, check=True, env=java_environment()
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip()[-1000:]
        raise StackError(
            f"The Kafka Streams peer could not be compiled: {said}", "This is a fault of the bench."
        ) from None
    except subprocess.TimeoutExpired:
        raise StackError(f"Compiling the Kafka Streams peer took over {COMPILE_S_MAX:.0f} s.", "Try again.") from None


def _joined(paths: list[Path]) -> str:
    return ":".join(map(str, paths))


def _id(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:ID_DIGITS]
