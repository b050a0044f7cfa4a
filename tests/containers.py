"""Kafka and Postgres in containers, for machines with a Docker engine: the same settings as the local servers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit

from cli.local_stack.kafka import SETTINGS
from cli.local_stack.kafka_jars import KAFKA_VERSION
from cli.local_stack.ports import free_port

READY_S_MAX = 90.0
ENGINE_S_MAX = 3.0
POSTGRES_VERSION = "18"


@cache
def docker_answers() -> bool:
    """Return whether a Docker engine can be reached (DOCKER_HOST, else the usual socket)."""
    place = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    # Asked by hand: the client library leaves its socket open when nobody answers, and that is a warning.
    unix = place.scheme == "unix"
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as connection:
        connection.settimeout(ENGINE_S_MAX)
        try:
            connection.connect(place.path if unix else (place.hostname, place.port or 2375))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


@contextmanager
def kafka_container() -> Iterator[str]:
    """Yield the bootstrap servers of Apache's own image; its port is chosen first, because the broker advertises it."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from testcontainers.core.container import DockerContainer

    port = free_port()
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(9092, port)
    listeners = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://localhost:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }
    for name, value in {**listeners, **SETTINGS}.items():
        container = container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    with container:
        admin = AdminClient({"bootstrap.servers": f"localhost:{port}"})
        deadline = time.monotonic() + READY_S_MAX
        while True:
            try:
                if admin.list_topics(timeout=1).brokers:
                    break
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
        yield f"localhost:{port}"


@contextmanager
def postgres_container() -> Iterator[str]:
    """Yield the URI of a superuser on the official image."""
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        f"postgres:{POSTGRES_VERSION}", username="directpay", password="directpay", dbname="directpay"
    )
    with container:
        yield container.get_connection_url(driver=None)
