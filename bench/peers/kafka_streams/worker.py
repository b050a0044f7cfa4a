"""A Kafka Streams worker: `python -m bench.peers.kafka_streams.worker JSON`, a process that becomes a Java program."""

from __future__ import annotations

import json
import os
import sys

from bench.peers.kafka_streams.jars import java_command
from cli.local_stack.java import java_environment

# The collector for throughput, and a heap that has its size from the start.
JVM = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-Djava.net.preferIPv4Stack=true")


def main() -> None:
    settings = json.loads(sys.argv[1])
    command = java_command(lambda text: print(text, file=sys.stderr), *JVM)
    # In the place of this process, so that its CPU time, memory and signals are those of the pid that is known.
    arguments = [f"{name}={value}" for name, value in settings.items()]
    os.execve(command[0], [*command, "Worker", *arguments], java_environment())  # noqa: S606


if __name__ == "__main__":
    main()
