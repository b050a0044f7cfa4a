"""What the simulated bank does wrong with a share of its transfers because somebody asked for it, and its record of it.

Drawn from the seed and the transfer's reference: the same transfers go wrong in the same way, in whatever order they
come. It happens to transfers that would only settle; what an account number asks for is another matter
(rails/simulated/scenarios.py).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import asdict

from kafka_log.sql_files import read_statements
from rails.simulated.scenarios import Scenario

# A share of the transfers, from none to all of them.
Share = Annotated[float, Meta(ge=0, le=1)]

_SQL = read_statements(Path(__file__).parent / "sql" / "transfer_faults.sql")


class FaultRates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To which share of the transfers that are taken from now on each fault happens; one may have several.

    `dropped`: it is booked, and nobody is told, whoever asks. `doubled`: it is booked twice, and told twice.
    `changed`: a cent more is booked, and told.
    """

    dropped: Share = 0.0
    doubled: Share = 0.0
    changed: Share = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0

    @property
    def is_well(self) -> bool:
        return not (self.dropped or self.doubled or self.changed)


class TransferFaults:
    """The rates and the record, in the books that `connection` is of; everything is inside of the caller's transaction
    but what is only read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute(_SQL["read_rates"]).fetchone()
        self._rates = FaultRates() if row is None else FaultRates(**dict(row))

    @property
    def rates(self) -> FaultRates:
        return self._rates

    def set_rates(self, rates: FaultRates) -> None:
        """Have these hold for what is taken from now on."""
        self._connection.execute(_SQL["set_rates"], asdict(rates))
        self._rates = rates

    def draw(self, transfers: Sequence[dict[str, Any]]) -> None:
        """Draw what goes wrong with transfers that are about to be taken; those that were taken before keep theirs."""
        if self._rates.is_well:
            return
        plain = [each for each in transfers if each["scenario"] == Scenario.SETTLES]
        drawn = [_fault_row(each, self._rates) for each in plain]
        self._connection.executemany(_SQL["record_fault"], [row for row in drawn if row is not None])

    def tell_dropped(self) -> int:
        """Tell after all what was dropped and is booked, as news, and return how many transfers that is about."""
        self._connection.execute(_SQL["tell_again"])
        self._connection.execute(_SQL["forget_untold"])
        return self._connection.execute(_SQL["mark_told"]).rowcount

    def page(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Return what went wrong with transfers behind transfer `after`."""
        return [dict(row) for row in self._connection.execute(_SQL["list_faults"], (after, limit))]


def _fault_row(transfer: dict[str, Any], rates: FaultRates) -> dict[str, Any] | None:
    """Return what goes wrong with a transfer as the books keep it, or None: nothing does."""
    reference = transfer["reference"]
    is_dropped = _is_drawn(rates.dropped, f"{rates.seed}:dropped:{reference}")
    is_doubled = _is_drawn(rates.doubled, f"{rates.seed}:doubled:{reference}")
    is_changed = _is_drawn(rates.changed, f"{rates.seed}:changed:{reference}")
    if not (is_dropped or is_doubled or is_changed):
        return None
    return {
        "reference": reference,
        "is_dropped": int(is_dropped),
        "is_doubled": int(is_doubled),
        "booked_minor": transfer["amount_minor"] + int(is_changed),
    }


def _is_drawn(share: float, of: str) -> bool:
    # 53 bits: what a float holds exactly.
    number = int.from_bytes(hashlib.sha256(of.encode()).digest()[:8], "big") >> 11
    return number < share * 2**53
