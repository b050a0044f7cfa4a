"""docker-compose.yml is the local stack in containers: the same settings, none invented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cli.local_stack.kafka import SETTINGS
from cli.local_stack.kafka_jars import KAFKA_VERSION
from cli.main import SUBCOMMANDS
from cli.settings import ALL, PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "directpay"}
READS: dict[str, type[Settings]] = {kind.__name__.removesuffix("Settings").lower(): kind for kind in ALL}


def test_kafka_has_the_settings_of_the_local_stack() -> None:
    environment = SERVICES["kafka"]["environment"]
    expected = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in SETTINGS.items()}
    assert {name: environment.get(name) for name in expected} == expected
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_every_process_runs_a_subcommand_and_gets_what_it_requires() -> None:
    assert {"api", "bank", "projector", "rails", "stream", "topics", "webhooks"} <= set(OURS)
    for name, service in OURS.items():
        assert service["command"][0] in SUBCOMMANDS
        fields = READS[{"topics": "topic"}.get(name, name)].model_fields
        known = {PREFIX + field.upper() for field in fields}
        required = {PREFIX + field.upper() for field, info in fields.items() if info.is_required()}
        given = set(service["environment"])
        assert required <= given <= known, name


def test_the_health_of_every_process_is_there_for_other_containers() -> None:
    for name, service in OURS.items():
        serves = [
            each for each in ("HEALTH_HOST", "HTTP_HOST") if each.lower() in READS.get(name, Settings).model_fields
        ]
        assert [service["environment"][PREFIX + each] for each in serves] == ["0.0.0.0"] * len(serves), name


def test_only_the_loopback_address_is_opened() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(re.match(r"127\.0\.0\.1:\$\{DIRECTPAY_[A-Z_]+:-\d+\}:\d+$", port) for port in ports)


def test_what_must_survive_is_on_a_volume() -> None:
    assert {"kafka", "postgres", "bank"} <= {name for name, service in SERVICES.items() if service.get("volumes")}
