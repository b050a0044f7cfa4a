"""Settings come from the environment only, and what is wrong is said by name before anything starts."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.settings import ApiSettings, BankSettings, RailsSettings, StreamSettings, fault_of, load

ROOT = Path(__file__).parents[3]
KEYS = f"k1:{base64.b64encode(bytes(32)).decode()}"
REQUIRED = {
    "DIRECTPAY_POSTGRES": "postgresql://directpay:pw@db/directpay",
    "DIRECTPAY_ADMIN_KEY": "admin-key-0123456789",
    "DIRECTPAY_ENCRYPTION_KEYS": KEYS,
}


def set_all(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**REQUIRED, **changes}.items():
        monkeypatch.setenv(name, value)


def test_required_and_given_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, DIRECTPAY_HTTP_PORT="8123", DIRECTPAY_OUTCOME_WAIT_S="0.5")
    settings = load(ApiSettings)
    assert (settings.http_port, settings.outcome_wait_s, settings.partitions) == (8123, 0.5, 8)
    assert settings.keyring is not None


def test_a_secret_does_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)
    shown = repr(load(ApiSettings))
    assert not [value for value in REQUIRED.values() if value in shown]


def test_missing_settings_are_all_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        load(ApiSettings)
    said = str(end.value)
    assert all(f"{name} is not set" in said for name in REQUIRED)
    assert "docs/settings.md" in said


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (BankSettings, "DIRECTPAY_RAIL_SPEED", "0"),
        (BankSettings, "DIRECTPAY_RAIL_SPEED", "-1"),
        (BankSettings, "DIRECTPAY_RAIL_SPEED", "nan"),
        (BankSettings, "DIRECTPAY_RAIL_SPEED", "inf"),
        (BankSettings, "DIRECTPAY_HTTP_PORT", "65536"),
        (StreamSettings, "DIRECTPAY_PARTITIONS", "0"),
        (StreamSettings, "DIRECTPAY_INSTANCE", "stream 0"),
        (StreamSettings, "DIRECTPAY_LOG_LEVEL", "LOUD"),
        (ApiSettings, "DIRECTPAY_OUTCOME_WAIT_S", "31"),
        (ApiSettings, "DIRECTPAY_ADMIN_KEY", "short"),
        (ApiSettings, "DIRECTPAY_ENCRYPTION_KEYS", "k1:c2hvcnQ="),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, kind: type[BankSettings], name: str, value: str
) -> None:
    set_all(monkeypatch, **{name: value})
    with pytest.raises(SystemExit) as end:
        load(kind)
    assert f"{name} is wrong" in str(end.value)
    # What was given may be a secret with a typing mistake.
    assert "c2hvcnQ=" not in str(end.value)


def test_the_bank_listens_where_the_gateway_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch)
    bank = load(BankSettings)
    assert load(RailsSettings).bank_url == f"http://{bank.http_host}:{bank.http_port}"
    assert bank.http_port != load(ApiSettings).http_port


@pytest.mark.parametrize("process", ["api", "rails", "projector"])
def test_a_process_without_its_settings_ends_with_one_sentence_each(process: str) -> None:
    command = [sys.executable, "-m", "cli.main", process]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={}, check=False)
    assert run.returncode == 1
    assert "is not set" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("options", "variables", "name"),
    [
        (["--set", "PARTITIONS=many"], {}, "DIRECTPAY_PARTITIONS"),
        (["--set", "PARTITIONS=0"], {}, "DIRECTPAY_PARTITIONS"),
        (["--set", "directpay_outcome_wait_s=soon"], {}, "DIRECTPAY_OUTCOME_WAIT_S"),
        ([], {"DIRECTPAY_LOG_LEVEL": "LOUD"}, "DIRECTPAY_LOG_LEVEL"),
    ],
)
def test_up_ends_with_a_sentence_about_a_wrong_setting(
    tmp_path: Path, options: list[str], variables: dict[str, str], name: str
) -> None:
    command = [sys.executable, "-m", "cli.main", "up", "--state-dir", str(tmp_path / "stack"), "--http-port", "0"]
    run = subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **variables}, check=False
    )
    assert run.returncode == 1
    assert f"{name} is wrong: " in run.stderr
    assert "Traceback" not in run.stderr


def test_a_value_is_judged_by_every_process_that_reads_it() -> None:
    assert fault_of("PARTITIONS", "12") is None
    assert fault_of("RAIL_SPEED", "0") == "Input should be greater than 0"
    assert fault_of("ENCRYPTION_KEYS", KEYS) is None
    assert fault_of("PARTITIONS", "") is None


def test_help_names_every_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cli.main", "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    for command in ("api", "bank", "demo", "projector", "rails", "status", "stream", "topics", "up"):
        assert f"  {command} " in run.stdout
