"""The whole system on one machine: servers, topics, tables, our processes, and the file that says where they are."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.local_stack.credentials import write_private
from cli.local_stack.demo_tenant import demo_api_key
from cli.local_stack.ports import HOST
from cli.local_stack.processes import DECIDED, DECIDED_BY_FILES, Surroundings, our_processes
from cli.local_stack.servers import LocalServers
from cli.local_stack.state_dir import StateDir
from cli.local_stack.supervisor import Say, Supervisor
from cli.local_stack.trouble import StackError, explained
from cli.settings import ALL, PREFIX, KafkaSettings, fault_of
from kafka_log.topics_admin import TopicsUnfit, apply_topics
from projections.migrate import DatabaseUnreachable, MigrationRefused, migrate

ANALYST = "directpay_analyst"
DATA_REMEDY = "Use the settings and the release that made it, or start anew with another --state-dir."


class LocalStack:
    """A running DirectPay with its data under `state_dir`; `stack` tells where everything answers.

    Port 0 means a free one, the same again at the next start while it is free. `settings` are DIRECTPAY_* variables
    (the prefix may be left out) for every process. `ach_by_files`: ACH goes by Nacha files and bank hours, through an
    originator; a folder that has begun so goes on so.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        http_port: int = 0,
        kafka_port: int = 0,
        postgres_port: int = 0,
        rail_speed: float = 1.0,
        workers: int = 1,
        api_processes: int = 1,
        ach_by_files: bool = False,
        settings: Mapping[str, str] | None = None,
        say: Say = print,
    ) -> None:
        self._servers = LocalServers(
            state_dir,
            kafka_port=kafka_port,
            postgres_port=postgres_port,
            http_port=http_port,
            say=say,
            on_change=self._changed,
        )
        self._rail_speed = rail_speed
        self._workers = workers
        self._api_processes = api_processes
        self._ach_by_files = ach_by_files
        self._extra = _checked(settings or {}, DECIDED | DECIDED_BY_FILES if ach_by_files else DECIDED)
        self._say = say
        self._places: dict[str, Any] = {}
        self._writing = threading.Lock()

    def start(self) -> None:
        """Return once everything is ready; raises StackError, having stopped what had started."""
        if self.state.ach_files.exists() and not self._ach_by_files:
            # The gateway's place in the feed is one of two banks; the originator may hold payments.
            raise StackError(
                f"ACH payments of {self.state.path} go by files.",
                "Start it with --ach files, or start anew with another --state-dir.",
            )
        self._servers.start()
        try:
            with explained(self.state.path):
                self._start_processes()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in reverse order; harmless when nothing runs."""
        with self._writing:
            self._places = {}
            if self.state.is_open:
                self.state.stack_file.unlink(missing_ok=True)
        self._servers.stop()

    def stop_component(self, name: str) -> None:
        """Stop one process ("stream-0") or all of a kind ("stream"), which stay down until `start_component`."""
        for each in self._named(name):
            self._supervisor.stop_one(each)

    def start_component(self, name: str) -> None:
        """Start again what `stop_component` stopped; returns when it is ready."""
        for each in self._named(name):
            self._supervisor.start_one(each)

    @property
    def stack(self) -> dict[str, Any]:
        """What stack.json holds, as of now."""
        return {**self._places, "pids": self._pids()}

    @property
    def processes(self) -> dict[str, int]:
        """The pid of every process that runs now, by the component's name ("stream-0")."""
        return self._supervisor.pids()

    @property
    def components(self) -> dict[str, str]:
        """The kind of every component, running or not, by its name."""
        return self._supervisor.kinds()

    @property
    def state(self) -> StateDir:
        return self._servers.state

    def _start_processes(self) -> None:
        servers, ports = self._servers, self._servers.ports
        credentials = self.state.credentials()
        around = Surroundings(
            state=self.state,
            credentials=credentials,
            ports=ports,
            bootstrap=servers.bootstrap,
            postgres_uri=servers.postgres.owner_uri,
            http_port=servers.http_port,
            bank_port=ports.take("bank", 0, ""),
            originator_port=ports.take("originator", 0, "") if self._ach_by_files else None,
            reconciler_port=ports.take("reconciler", 0, ""),
            rail_speed=self._rail_speed,
            extra=self._extra,
        )
        components = our_processes(around, workers=self._workers, api_processes=self._api_processes)
        self._say("Creating topics and tables")
        try:
            apply_topics(servers.bootstrap, self._partitions)
            migrate(servers.postgres.owner_uri, analyst_password=credentials.analyst_password)
        except (TopicsUnfit, MigrationRefused) as error:
            raise StackError(f"The data in {self.state.path} does not fit: {error}.", DATA_REMEDY) from error
        except DatabaseUnreachable as error:
            raise StackError(f"{error}.", f"Its log is in {self.state.logs}.") from error
        if self._ach_by_files:
            self.state.ach_files.mkdir(mode=0o700, exist_ok=True)
        self._say("Starting DirectPay's processes")
        self._supervisor.start(components)
        http = f"http://{HOST}:{servers.http_port}"
        places = {
            "http": http,
            "kafka": servers.bootstrap,
            "postgres": servers.postgres.owner_uri,
            "analyst": servers.postgres.uri_of(ANALYST, credentials.analyst_password),
            "bank": around.bank_url,
            "reconciler": around.reconciler_url,
            "api_key": demo_api_key(http, credentials.admin_key, self.state.path / "api-key"),
            "admin_key": credentials.admin_key,
            "logs": str(self.state.logs),
            "rail_speed": self._rail_speed,
            "clock_file": str(self.state.clock_file),
            "supervisor": os.getpid(),
            "health": {component.name: component.health_url for component in components},
        }
        if around.originator_url is not None:
            places |= {"originator": around.originator_url, "ach_files": str(self.state.ach_files)}
        with self._writing:
            self._places = places
        self._changed()

    @property
    def _supervisor(self) -> Supervisor:
        return self._servers.supervisor

    @property
    def _partitions(self) -> int:
        default = KafkaSettings.model_fields["partitions"].default
        return int(self._extra.get(f"{PREFIX}PARTITIONS") or default)

    def _named(self, name: str) -> list[str]:
        names = self._supervisor.names_of(name) or [each for each in self._supervisor.kinds() if each == name]
        if not names:
            known = ", ".join(self._supervisor.kinds())
            raise StackError(f"There is no component {name!r}.", f"There are: {known}.")
        return names

    def _pids(self) -> dict[str, list[int]]:
        kinds = self._supervisor.kinds()
        pids: dict[str, list[int]] = {kind: [] for kind in kinds.values()}
        for name, pid in self._supervisor.pids().items():
            pids[kinds[name]].append(pid)
        return pids

    def _changed(self) -> None:
        """Keep stack.json current: it is there exactly while the stack is ready."""
        with self._writing:
            if self._places:
                write_private(self.state.stack_file, json.dumps(self.stack, indent=2) + "\n")


def _checked(settings: Mapping[str, str], decided: frozenset[str]) -> dict[str, str]:
    """Return the variables with their prefix; refuses unknown names, wrong values and what the stack decides."""
    known = {field.upper() for concern in ALL for field in concern.model_fields}
    checked = {}
    for given, value in settings.items():
        name = given.upper().removeprefix(PREFIX)
        if name in decided:
            raise StackError(
                f"{PREFIX}{name} is decided by the local stack.", "Leave it out; see `directpay up --help`."
            )
        if name not in known:
            raise StackError(f"There is no setting {PREFIX}{name}.", "docs/settings.md lists them all.")
        if fault := fault_of(name, value):
            raise StackError(f"{PREFIX}{name} is wrong: {fault}.", "docs/settings.md describes every setting.")
        checked[PREFIX + name] = value
    return checked
