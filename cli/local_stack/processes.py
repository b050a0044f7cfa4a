"""DirectPay's own processes as components of a local stack: what each is started with, how it says it is ready."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from cli.local_stack.component import Component
from cli.local_stack.credentials import Credentials
from cli.local_stack.ports import HOST, Ports
from cli.local_stack.state_dir import StateDir
from cli.settings import PREFIX

READY_S_MAX = 180.0  # It takes some seconds; a busy machine must not make it fail. One that ends is noticed at once.
STOP_S_MAX = 10.0
PROBE_S_MAX = 2.0
READY_PATH = "/health/ready"

# What the stack decides itself; `--set` may not change it.
DECIDED = frozenset(
    {
        *(
            "KAFKA",
            "POSTGRES",
            "HTTP_HOST",
            "HTTP_PORT",
            "HEALTH_HOST",
            "HEALTH_PORT",
            "STATE_DIR",
            "INSTANCE",
            "BANK_URL",
            "RECONCILER_URL",
            "REUSE_PORT",
            "CLOCK_FILE",
            "HEALTH_URLS",
        ),
        *("ADMIN_KEY", "ENCRYPTION_KEYS", "ANALYST_PASSWORD"),
    }
)
# And what it decides when ACH goes by files.
DECIDED_BY_FILES = frozenset({"ACH_URL", "ACH_BY_FILES", "ACH_DROP_DIR", "BANK_DROP_DIR"})
# Who sends the files, made up. `--set` may say otherwise.
SENDER = {
    "ACH_COMPANY_IDENTIFICATION": "1234567890",
    "ACH_BANK_ROUTING_NUMBER": "121042882",
    "ACH_DESTINATION_ROUTING_NUMBER": "091400606",
    "ACH_DESTINATION_NAME": "SIMULATED BANK",
    "ACH_ORIGIN": "1234567890",
    "ACH_ORIGIN_NAME": "DIRECTPAY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the processes of one stack share. `originator_port` is None while ACH settles by delays as every rail."""

    state: StateDir
    credentials: Credentials
    ports: Ports
    bootstrap: str
    postgres_uri: str
    http_port: int
    bank_port: int
    originator_port: int | None
    reconciler_port: int
    rail_speed: float
    extra: Mapping[str, str]

    @property
    def bank_url(self) -> str:
        return f"http://{HOST}:{self.bank_port}"

    @property
    def reconciler_url(self) -> str:
        return f"http://{HOST}:{self.reconciler_port}"

    @property
    def originator_url(self) -> str | None:
        return None if self.originator_port is None else f"http://{HOST}:{self.originator_port}"


def our_processes(around: Surroundings, *, workers: int, api_processes: int) -> list[Component]:
    """Return the components in the order in which they are started; the last are stopped first."""
    others = [
        _bank(around),
        *([] if around.originator_port is None else [_originator(around, around.originator_port)]),
        *(_stream(around, number) for number in range(workers)),
        _rails(around),
        _projector(around),
        _reconciler(around),
        _webhooks(around),
    ]
    health_urls = ",".join(
        [
            *(f"{each.name}={str(each.health_url).removesuffix(READY_PATH)}" for each in others),
            *(f"api-{number}=http://{HOST}:{around.http_port}" for number in range(api_processes)),
        ]
    )
    reuse_port = api_processes > 1
    apis = (_api(around, number, reuse_port=reuse_port, health_urls=health_urls) for number in range(api_processes))
    return [*others, *apis]


def _bank(around: Surroundings) -> Component:
    settings = {"HTTP_HOST": HOST, "HTTP_PORT": str(around.bank_port), "RAIL_SPEED": str(around.rail_speed)}
    if around.originator_port is not None:
        settings["BANK_DROP_DIR"] = str(around.state.ach_files)
    return _process(around, "bank", "bank", settings, around.bank_port)


def _originator(around: Surroundings, http_port: int) -> Component:
    port = around.ports.take("originator-health", 0, "")
    settings = {
        "KAFKA": around.bootstrap,
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(http_port),
        "HEALTH_PORT": str(port),
        "ENCRYPTION_KEYS": around.credentials.encryption_keys,
        "ACH_DROP_DIR": str(around.state.ach_files),
        **SENDER,
    }
    return _process(around, "originator", "originator", settings, port)


def _stream(around: Surroundings, number: int) -> Component:
    name = f"stream-{number}"
    port = around.ports.take(f"{name}-health", 0, "")
    settings = {"KAFKA": around.bootstrap, "RAIL_SPEED": str(around.rail_speed), "HEALTH_PORT": str(port)}
    if around.originator_port is not None:
        settings["ACH_BY_FILES"] = "true"
    return _process(around, name, "stream", settings, port)


def _rails(around: Surroundings) -> Component:
    port = around.ports.take("rails-health", 0, "")
    settings = {
        "KAFKA": around.bootstrap,
        "BANK_URL": around.bank_url,
        "ENCRYPTION_KEYS": around.credentials.encryption_keys,
        "HEALTH_PORT": str(port),
    }
    if around.originator_url is not None:
        settings["ACH_URL"] = around.originator_url
    return _process(around, "rails", "rails", settings, port)


def _projector(around: Surroundings) -> Component:
    port = around.ports.take("projector-health", 0, "")
    settings = {
        "KAFKA": around.bootstrap,
        "POSTGRES": around.postgres_uri,
        "ANALYST_PASSWORD": around.credentials.analyst_password,
        "HEALTH_PORT": str(port),
    }
    return _process(around, "projector", "projector", settings, port)


def _reconciler(around: Surroundings) -> Component:
    settings = {"KAFKA": around.bootstrap, "HTTP_HOST": HOST, "HTTP_PORT": str(around.reconciler_port)}
    return _process(around, "reconciler", "reconciler", settings, around.reconciler_port)


def _webhooks(around: Surroundings) -> Component:
    port = around.ports.take("webhooks-health", 0, "")
    settings = {
        "KAFKA": around.bootstrap,
        "ENCRYPTION_KEYS": around.credentials.encryption_keys,
        "HEALTH_PORT": str(port),
    }
    return _process(around, "webhooks", "webhooks", settings, port)


def _api(around: Surroundings, number: int, *, reuse_port: bool, health_urls: str) -> Component:
    settings = {
        "KAFKA": around.bootstrap,
        "POSTGRES": around.postgres_uri,
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(around.http_port),
        "REUSE_PORT": str(reuse_port).lower(),
        "RECONCILER_URL": around.reconciler_url,
        "HEALTH_URLS": health_urls,
        "ADMIN_KEY": around.credentials.admin_key,
        "ENCRYPTION_KEYS": around.credentials.encryption_keys,
    }
    return _process(around, f"api-{number}", "api", settings, around.http_port)


def _process(around: Surroundings, name: str, kind: str, settings: Mapping[str, str], health_port: int) -> Component:
    folder = around.state.path / "state" / name
    folder.mkdir(parents=True, exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    settings = {"STATE_DIR": str(folder), "INSTANCE": name, "CLOCK_FILE": str(around.state.clock_file), **settings}
    ours = {PREFIX + key: value for key, value in settings.items()}
    health = _Health(health_port)
    return Component(
        name=name,
        kind=kind,
        argv=(sys.executable, "-m", "cli.main", kind),
        env={**inherited, "PYTHONUNBUFFERED": "1", **ours, **around.extra},
        log_path=around.state.logs / f"{name}.log",
        is_ready=health.is_ready,
        progress=health.progress,
        ready_s_max=READY_S_MAX,
        stop_s_max=STOP_S_MAX,
        cwd=folder,
        health_url=f"http://{HOST}:{health_port}{READY_PATH}",
    )


class _Health:
    """What a process says of itself at /health/ready; `progress` is the number that grows on its way to being ready."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._said: dict[str, object] = {}

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PROBE_S_MAX)
        try:
            connection.request("GET", READY_PATH)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            self._said = said if isinstance(said, dict) else {}
            return answer.status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()

    def progress(self) -> object:
        return self._said.get("progress")
