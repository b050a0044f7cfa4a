"""docker-compose.yml is the local stack in containers: the same settings, none invented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.local_stack.kafka import SETTINGS
from cli.local_stack.kafka_jars import KAFKA_VERSION
from cli.local_stack.postgres import TUNING
from cli.local_stack.processes import DECIDED_BY_FILES, SENDER
from cli.main import SUBCOMMANDS
from cli.settings import ALL, PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "directpay"}
# What is laid over it for ACH by files: docker compose merges the services.
ACH: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.ach.yml").read_text())["services"]
OURS_BY_FILES = {
    name: {
        **OURS.get(name, {}),
        **ACH.get(name, {}),
        "environment": {**OURS.get(name, {}).get("environment", {}), **ACH.get(name, {}).get("environment", {})},
    }
    for name in OURS | ACH
}
READS: dict[str, type[Settings]] = {kind.__name__.removesuffix("Settings").lower(): kind for kind in ALL}


def test_kafka_has_the_settings_of_the_local_stack() -> None:
    environment = SERVICES["kafka"]["environment"]
    expected = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in SETTINGS.items()}
    assert {name: environment.get(name) for name in expected} == expected
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_postgres_is_tuned_as_that_of_the_local_stack() -> None:
    tuned = [part for name, value in TUNING.items() for part in ("-c", f"{name}={value}")]
    assert SERVICES["postgres"]["command"] == ["postgres", *tuned]


@pytest.mark.parametrize("ours", [OURS, OURS_BY_FILES])
def test_every_process_runs_a_subcommand_and_gets_what_it_requires(ours: dict[str, Any]) -> None:
    assert {"api", "bank", "projector", "rails", "reconciler", "stream", "topics", "webhooks"} <= set(ours)
    for name, service in ours.items():
        assert service["command"][0] in SUBCOMMANDS
        fields = READS[{"topics": "topic"}.get(name, name)].model_fields
        known = {PREFIX + field.upper() for field in fields}
        required = {PREFIX + field.upper() for field, info in fields.items() if info.is_required()}
        given = set(service["environment"])
        assert required <= given <= known, name


def test_ach_by_files_is_that_of_the_local_stack() -> None:
    given = OURS_BY_FILES["originator"]["environment"]
    assert {name: given[PREFIX + name] for name in SENDER} == SENDER
    for inherited in ("KAFKA", "PARTITIONS", "ENCRYPTION_KEYS"):
        assert given[PREFIX + inherited] == OURS["rails"]["environment"][PREFIX + inherited]
    decided = {name.removeprefix(PREFIX) for service in ACH.values() for name in service["environment"]}
    assert decided >= DECIDED_BY_FILES


@pytest.mark.parametrize("ours", [OURS, OURS_BY_FILES])
def test_the_health_of_every_process_is_there_for_other_containers(ours: dict[str, Any]) -> None:
    for name, service in ours.items():
        serves = [
            each for each in ("HEALTH_HOST", "HTTP_HOST") if each.lower() in READS.get(name, Settings).model_fields
        ]
        assert [service["environment"][PREFIX + each] for each in serves] == ["0.0.0.0"] * len(serves), name


def test_only_the_loopback_address_is_opened() -> None:
    ports = [port for service in (*SERVICES.values(), *ACH.values()) for port in service.get("ports", [])]
    assert ports
    assert all(re.match(r"127\.0\.0\.1:\$\{DIRECTPAY_[A-Z_]+:-\d+\}:\d+$", port) for port in ports)


def test_what_must_survive_is_on_a_volume() -> None:
    assert {"kafka", "postgres", "bank"} <= {name for name, service in SERVICES.items() if service.get("volumes")}
