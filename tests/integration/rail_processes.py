"""The bank and the gateway as processes of their own, to be killed and started again."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cli.local_stack.ports import free_port
from tests.unit.rails.ach.written_log import SENDER

START_S_MAX = 60.0
PARTITIONS = 8
ENCRYPTION_KEY = base64.b64encode(bytes(range(32))).decode()
KEYRING = f"k1:{ENCRYPTION_KEY}"

RUN_BANK = """
import json, sys
from pathlib import Path
from observability.logs import configure_logging
from rails.simulated.server import BankConfig, run
configure_logging("bank")
PATHS = ("state_dir", "clock_file", "drop_dir")
settings = json.loads(sys.argv[1])
run(BankConfig(**settings | {name: Path(settings[name]) for name in PATHS if settings.get(name)}))
"""

RUN_GATEWAY = """
import json, sys
from pathlib import Path
from directory.sealing import Keyring
from observability.logs import configure_logging
from rails.gateway import GatewayConfig, run
settings = json.loads(sys.argv[1])
configure_logging(settings["instance"])
keyring = Keyring.parse(settings.pop("keyring"))
paths = {name: Path(settings[name]) for name in ("state_dir", "clock_file") if settings.get(name)}
run(GatewayConfig(**settings | paths, keyring=keyring))
"""

RUN_ORIGINATOR = """
import json, sys
from pathlib import Path
import msgspec
from directory.sealing import Keyring
from observability.logs import configure_logging
from rails.ach.retries import RetryTerms
from rails.ach.server import OriginatorConfig, run
from schemas.origination import AchSender
settings = json.loads(sys.argv[1])
configure_logging(settings["instance"])
for name in ("state_dir", "drop_dir", "clock_file"):
    settings[name] = Path(settings[name])
keyring = Keyring.parse(settings.pop("keyring"))
sender = msgspec.convert(settings.pop("sender"), AchSender)
retries = RetryTerms(times=settings.pop("retries"), after_banking_days=1)
run(OriginatorConfig(**settings, keyring=keyring, sender=sender, retries=retries))
"""


class RailProcess:
    """One process with /health/ready on a port of its own; its log goes to a file in `folder`."""

    def __init__(self, program: str, settings: dict[str, Any], *, name: str, folder: Path, port: int) -> None:
        self._program = program
        self._settings = settings
        self._log_path = folder / f"{name}.log"
        self._url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._url

    def start(self) -> None:
        """Return once it says that it is ready."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        eventually(self._is_ready, START_S_MAX, self.tail)

    def launch(self) -> None:
        assert self._process is None
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self._program, json.dumps(self._settings)], stdout=log, stderr=log
            )

    def start_again_if_ended(self) -> None:
        """Do what whoever supervises it does."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self.start()

    def kill(self) -> None:
        """End it with kill -9, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        self._process = None
        return code

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(f"{self._url}{path}", params=params, timeout=20)

    def metric(self, line_start: str) -> float:
        """Return the value of the metric whose line starts so; 0 when it is not there."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(line_start):
                return float(line.rpartition(" ")[2])
        return 0.0

    def log_text(self) -> str:
        return self._log_path.read_text(errors="replace")

    def tail(self) -> str:
        return self.log_text()[-4000:]

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"ended with {code}: {self.tail()}"
        try:
            return self.get("/health/ready").status_code == 200
        except httpx.HTTPError:
            return False


def bank_process(folder: Path, *, speed: float, **others: str) -> RailProcess:
    port = free_port()
    settings = {"host": "127.0.0.1", "port": port, "state_dir": str(folder / "bank"), "rail_speed": speed, **others}
    return RailProcess(RUN_BANK, settings, name="bank", folder=folder, port=port)


def originator_process(
    folder: Path, *, bootstrap: str, instance: str = "originator", retries: int = 0, dishonors: bool = False
) -> RailProcess:
    """An originator whose drop is `folder`/drop, and whose clock `folder`/clock.json may set. It presents debits again
    so many times, a banking day later, and dishonors late returns or not."""
    port = free_port()
    settings = {
        "bootstrap": bootstrap,
        "partitions": PARTITIONS,
        "port": port,
        "sender": msgspec.to_builtins(SENDER),
        "keyring": KEYRING,
        "drop_dir": str(folder / "drop"),
        "lead_s": 300.0,
        "retries": retries,
        "dishonors": dishonors,
        "state_dir": str(folder / instance),
        "clock_file": str(folder / "clock.json"),
        "instance": instance,
    }
    return RailProcess(RUN_ORIGINATOR, settings, name=instance, folder=folder, port=port)


def gateway_process(
    folder: Path, *, bootstrap: str, bank_url: str, instance: str = "rails-0", **others: str
) -> RailProcess:
    port = free_port()
    settings = {
        "bootstrap": bootstrap,
        "partitions": PARTITIONS,
        "bank_url": bank_url,
        "state_dir": str(folder / instance),
        "instance": instance,
        "health_port": port,
        "keyring": KEYRING,
        **others,
    }
    return RailProcess(RUN_GATEWAY, settings, name=instance, folder=folder, port=port)


def eventually(condition: Callable[[], bool], seconds: float, say: Callable[[], str]) -> None:
    """Wait until the condition holds, or fail with what `say` says."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, say()
        time.sleep(0.02)
