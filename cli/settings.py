"""Every setting of DirectPay: an environment variable DIRECTPAY_<NAME>, read here and nowhere else.

One class a concern; a process reads the ones it needs. `docs/settings.md` lists them all (a test compares).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from directory.entities import check_digit
from directory.sealing import Keyring
from schemas.topics import PARTITIONS_DEFAULT
from stream_app.exactly_once.gaps import parse_gaps
from webhooks.retries import DELAYS_S, parse_schedule

PREFIX = "DIRECTPAY_"
PORT_MAX = 65535
NAMED_URL = r"[A-Za-z0-9._-]{1,100}=http://[^\s,=/]+"
Kind = TypeVar("Kind", bound="Settings")
Port = Annotated[int, Field(ge=0, le=PORT_MAX)]


class Settings(BaseSettings):
    """What every process reads."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    log_level: str = Field(
        "INFO", pattern="(?i)^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe log that is written."
    )
    instance: str = Field(
        "",
        max_length=100,
        pattern=r"^[A-Za-z0-9._-]*$",
        description="Name of this process: the same after a restart, another for every process. Default: its kind.",
    )


class KafkaSettings(Settings):
    kafka: str = Field("127.0.0.1:9092", min_length=3, description="Bootstrap servers, host:port[,host:port].")
    partitions: int = Field(
        PARTITIONS_DEFAULT,
        ge=1,
        le=10_000,
        description="Partitions of every topic but ach-origination, reconciliation and webhook-requests, fixed for "
        "good; processes refuse to start when Kafka's number differs.",
    )


class TopicSettings(KafkaSettings):
    replication_factor: int = Field(
        1, ge=1, le=7, description="Copies of each topic that `directpay topics apply` creates; 3 in production."
    )


class PostgresSettings(Settings):
    postgres: SecretStr = Field(
        description="URI of the role that owns the projections: postgresql://directpay:...@host/directpay."
    )


class MigrationSettings(PostgresSettings):
    analyst_password: SecretStr = Field(
        description="Password of the read-only role directpay_analyst, set by the migrations."
    )


class HttpSettings(Settings):
    http_host: str = Field(
        "127.0.0.1", description="Address that the API (or a bank, the originator, or the reconciler) listens on."
    )
    http_port: Port = Field(8000, description="Port that the API listens on; other processes have other defaults.")


class HealthSettings(Settings):
    health_port: Port = Field(
        0, description="Port of /health and /metrics of the processes that serve nothing else; 0 picks a free one."
    )
    health_host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address of those /health and /metrics; 0.0.0.0 where probes come from elsewhere.",
    )


class StateSettings(Settings):
    state_dir: Path = Field(
        Path(".directpay"),
        description="Folder for what a process keeps; all but the simulated bank's books can be rebuilt from Kafka.",
    )


class ClockSettings(Settings):
    clock_file: Path | None = Field(
        None, description="File that sets the business clock while it is there; without it, the clock is the machine's."
    )


class RailSettings(Settings):
    rail_speed: float = Field(
        1.0, gt=0, le=10_000, allow_inf_nan=False, description="Divides the simulated bank's delays; 1 is real time."
    )


class AchSettings(Settings):
    ach_lead_s: float = Field(
        300.0,
        ge=10,
        le=3600,
        allow_inf_nan=False,
        description="How long before a bank's window closes the file for it is cut off, in seconds.",
    )


class EncryptionSettings(Settings):
    encryption_keys: SecretStr = Field(description="AES-256 keys, id:base64[,id:base64]; the first seals, all open.")

    @field_validator("encryption_keys")
    @classmethod
    def _readable(cls, keys: SecretStr) -> SecretStr:
        Keyring.parse(keys.get_secret_value())
        return keys

    @property
    def keyring(self) -> Keyring:
        return Keyring.parse(self.encryption_keys.get_secret_value())


class ReconcilerLineSettings(Settings):
    reconciler_url: str = Field(
        "http://127.0.0.1:8012", pattern=r"^https?://", description="The reconciler that statements are handed to."
    )


class WebhookSettings(Settings):
    webhooks_allow_private: bool = Field(
        False, description="Whether webhooks may go to this machine and to networks that are not public."
    )


class ApiSettings(
    KafkaSettings,
    PostgresSettings,
    HttpSettings,
    EncryptionSettings,
    ClockSettings,
    ReconcilerLineSettings,
    WebhookSettings,
):
    """The ingest API."""

    admin_key: SecretStr = Field(min_length=16, description="Bearer key that may create tenants and API keys.")
    outcome_wait_s: float = Field(
        2.0, ge=0, le=30, description="Longest time that a POST waits for its outcome before it answers 202."
    )
    max_body_bytes: int = Field(
        256 * 1024,
        ge=1024,
        description="Largest request body, or item of a batch in lines; a larger one is answered 413.",
    )
    docs_tenant: str = Field("demo", description="Tenant whose data the examples in /docs use.")
    reuse_port: bool = Field(False, description="Let several API processes of one machine listen on the same port.")
    health_urls: str = Field(
        "",
        pattern=rf"^({NAMED_URL}(,{NAMED_URL})*)?$",
        description="Where processes tell their health, for the dashboard: name=http://host:port[,name=http://..].",
    )

    @property
    def health_url_of(self) -> dict[str, str]:
        """Where each process tells its health, by its name."""
        pairs = (each.partition("=") for each in self.health_urls.split(",") if each)
        return {name: url for name, _, url in pairs}


class StreamSettings(KafkaSettings, HealthSettings, StateSettings, RailSettings, AchSettings):
    """The stream app. It knows the rails' speed and the ACH files' lead because times are part of its decisions."""

    ach_by_files: bool = Field(
        False, description="Whether ACH payments are expected to settle by bank hours, as files do, or by delays."
    )

    schema_registry_url: str | None = Field(
        None, description="Registry that is asked about a schema id which this version does not know."
    )

    input_kept_s: float = Field(
        7 * 24 * 3600,
        ge=0,
        allow_inf_nan=False,
        description="How long commands and reports are kept after they came, in seconds; undecided ones always are.",
    )
    stream_accept_gap: str = Field(
        "", description="Input that may be gone undecided: topic-partition:first-last, with commas between several."
    )

    @field_validator("stream_accept_gap")
    @classmethod
    def _gaps(cls, gaps: str) -> str:
        parse_gaps(gaps)
        return gaps


class BankLineSettings(Settings):
    bank_url: str = Field(
        "http://127.0.0.1:8010", pattern=r"^https?://", description="The bank that the gateway sends to."
    )
    ach_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="The originator that ACH payments go to; without it they go to the bank as all others.",
    )


class RailsSettings(KafkaSettings, HealthSettings, StateSettings, EncryptionSettings, ClockSettings, BankLineSettings):
    """The gateway."""


class RepairSettings(KafkaSettings, BankLineSettings):
    """`directpay repair`."""


class BankSettings(HttpSettings, StateSettings, RailSettings, ClockSettings):
    """The simulated bank. Its port is where `bank_url` looks for it: the API has another one on the same machine."""

    http_port: Port = Field(8010, description="Port that the simulated bank listens on.")
    bank_drop_dir: Path | None = Field(
        None,
        description="Folder of an originator: the simulated bank takes its outbox's files, and answers into its inbox.",
    )


class OriginatorSettings(
    KafkaSettings, HttpSettings, HealthSettings, StateSettings, EncryptionSettings, ClockSettings, AchSettings
):
    """The originator of ACH files. What its files say of their sender is agreed with the bank."""

    http_port: Port = Field(8011, description="Port that the originator listens on.")
    ach_drop_dir: Path = Field(
        Path("ach"),
        description="Folder with the outbox that the bank fetches ACH files from, and the inbox for its own.",
    )
    ach_company_name: str = Field(
        "DIRECTPAY", pattern=r"^[!-~]([ -~]{0,14}[!-~])?$", description="The company as account holders see it."
    )
    ach_company_identification: str = Field(
        pattern=r"^[!-~]([ -~]{0,8}[!-~])?$", description="The company's identification, given by the bank."
    )
    ach_entry_description: str = Field(
        "RENT", pattern=r"^[!-~]([ -~]{0,8}[!-~])?$", description="What entries are for, as account holders see it."
    )
    ach_bank_routing_number: str = Field(
        pattern=r"^[0-9]{9}$", description="Our bank's routing number; trace numbers begin with it."
    )
    ach_destination_routing_number: str = Field(
        pattern=r"^[0-9]{9}$", description="Where files go, by routing number: our bank, or its ACH operator."
    )
    ach_destination_name: str = Field(
        "", pattern=r"^([!-~]([ -~]{0,21}[!-~])?)?$", description="The name of that place."
    )
    ach_origin: str = Field(
        pattern=r"^[!-~]{9,10}$", description="How that place knows the sender of files: 9 or 10 characters."
    )
    ach_origin_name: str = Field("", pattern=r"^([!-~]([ -~]{0,21}[!-~])?)?$", description="The sender's name.")
    ach_payee_class: str = Field(
        "PPD",
        pattern="^(PPD|CCD)$",
        description="How payees are credited, and debited for refunds: PPD (people) or CCD (businesses).",
    )
    ach_retries: int = Field(
        0, ge=0, le=2, description="How often a debit that came back as R01 or R09 is presented again, at most."
    )
    ach_retry_days: int = Field(
        3, ge=1, le=30, description="How many banking days after its return was read a debit is presented again."
    )
    ach_prenotes: bool = Field(
        False, description="Whether a prenote tries a payer's account before it is debited for the first time."
    )
    ach_dishonors: bool = Field(
        False, description="Whether a debit's return that comes after the last day of the rules is dishonored (R68)."
    )

    @field_validator("ach_bank_routing_number", "ach_destination_routing_number")
    @classmethod
    def _checked(cls, number: str) -> str:
        if check_digit(number[:8]) != int(number[8]):
            raise ValueError("must be a routing number: its check digit is wrong")
        return number


class ReconcilerSettings(KafkaSettings, HttpSettings, StateSettings, ClockSettings):
    """The reconciler. Its port is where `reconciler_url` looks for it."""

    http_port: Port = Field(8012, description="Port that the reconciler listens on.")
    statements_dir: Path | None = Field(
        None, description="Folder in which bank statements are left: the reconciler takes each, and puts it aside."
    )
    own_accounts: str = Field(
        "",
        pattern=r"^([0-9A-Za-z]{1,34}(,[0-9A-Za-z]{1,34})*)?$",
        description="Bank accounts of our own, through which payments pass, with commas between several; those whose "
        "statements list batches are known without it.",
    )


class ProjectorSettings(KafkaSettings, MigrationSettings, HealthSettings):
    """The projector."""


class WebhooksSettings(
    KafkaSettings, HealthSettings, StateSettings, EncryptionSettings, ClockSettings, WebhookSettings
):
    """The dispatcher of webhooks."""

    webhooks_retry_s: str = Field(
        ",".join(f"{delay_s:g}" for delay_s in DELAYS_S),
        description="Seconds before each attempt of a delivery, the first one's too; after the last it has failed.",
    )
    webhooks_disable_after_s: float = Field(
        5 * 24 * 3600.0,
        gt=0,
        allow_inf_nan=False,
        description="For how long every delivery to an endpoint must fail before it is disabled, in seconds.",
    )

    @field_validator("webhooks_retry_s")
    @classmethod
    def _schedule(cls, delays: str) -> str:
        parse_schedule(delays)
        return delays


class RebuildSettings(KafkaSettings, PostgresSettings):
    """`directpay rebuild`."""


class VerifySettings(KafkaSettings, PostgresSettings):
    """Verification. It takes the number of partitions from Kafka."""


class CallerSettings(Settings):
    """Commands that ask the API as its callers do."""

    api_url: str = Field("http://127.0.0.1:8000", pattern=r"^https?://[^\s/]+/?$", description="Where the API answers.")
    api_key: SecretStr | None = Field(None, description="API key of the commands that ask the API.")


class DownloadSettings(Settings):
    cache_dir: Path = Field(
        Path("~/.cache/directpay"),
        description="Where the local stack keeps what it downloaded (Kafka's jars), shared by all stacks of a user.",
    )


ALL: tuple[type[Settings], ...] = (
    ApiSettings,
    StreamSettings,
    RailsSettings,
    BankSettings,
    OriginatorSettings,
    ReconcilerSettings,
    ReconcilerLineSettings,
    RepairSettings,
    ProjectorSettings,
    WebhooksSettings,
    RebuildSettings,
    TopicSettings,
    VerifySettings,
    CallerSettings,
    DownloadSettings,
)


def fault_of(name: str, value: str) -> str | None:
    """Return what is wrong with `value` for the setting `name` (without prefix), or None; empty means not set."""
    field = name.lower()
    for concern in ALL:
        if value and field in concern.model_fields:
            try:
                concern.model_validate({field: value})
            except ValidationError as error:
                for fault in error.errors(include_url=False, include_input=False):
                    if fault["loc"][:1] == (field,):
                        return fault["msg"]
    return None


def load(kind: type[Kind]) -> Kind:
    """Read the environment, or end the process with a line for each variable that is missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        lines = []
        for fault in error.errors(include_url=False, include_input=False):
            name = PREFIX + str(fault["loc"][0]).upper() if fault["loc"] else PREFIX
            said = "is not set" if fault["type"] == "missing" else f"is wrong: {fault['msg']}"
            lines.append(f"{name} {said}")
        sys.exit("\n".join([*lines, "docs/settings.md describes every setting."]))
