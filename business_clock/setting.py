"""The file that sets the business clock while it is there: written by rename, so that nobody reads half of it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

YEAR_2000_US = 946_684_800_000_000
YEAR_2200_US = 7_258_118_400_000_000
SPEED_MAX = 10_000_000.0


class ClockUnreadable(Exception):
    """The file is there and sets no clock; the message names it and says what is wrong."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} does not set the business clock: {why}. Mend it, or remove it.")
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The clock showed `at_us` when the machine's was `since_us`, and runs `speed` times as fast; 0: it stands.

    `from_us` is where this run of the clock began: within it the clock goes forward only, and what has become due
    since is dated when it was due. `set_by` says to people whose run it is. Raises ValueError.
    """

    set_by: str
    from_us: int
    at_us: int
    since_us: int
    speed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("from_us", "at_us", "since_us"):
            if not YEAR_2000_US <= getattr(self, name) < YEAR_2200_US:
                raise ValueError(f"{name} must be microseconds since 1970-01-01 UTC, from 2000 to 2199")
        if self.at_us < self.from_us:
            raise ValueError("at_us must not be before from_us")
        if not 0 <= self.speed <= SPEED_MAX:
            raise ValueError(f"speed must be from 0 to {SPEED_MAX:g}")
        if not self.set_by:
            raise ValueError("set_by must say whose run it is")

    def shows_us(self, system_us: int) -> int:
        """Return what the clock shows when the machine's is `system_us`."""
        return self.at_us + max(0, int((system_us - self.since_us) * self.speed))


_setting = msgspec.json.Decoder(Setting)


def read_setting(path: Path) -> Setting | None:
    """Return the setting, or None when there is none; raises ClockUnreadable."""
    try:
        return _setting.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, ValueError) as error:
        raise ClockUnreadable(path, str(error)) from None
    except OSError as error:
        raise ClockUnreadable(path, error.strerror or str(error)) from error


def write_setting(path: Path, setting: Setting) -> None:
    """Set the clock."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    staging.write_bytes(msgspec.json.encode(asdict(setting)))
    staging.replace(path)


def remove_setting(path: Path) -> None:
    """Hand the clock back to the machine's."""
    path.unlink(missing_ok=True)
