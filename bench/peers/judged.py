"""What a peer's database says of the payments: how many are done, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from bench.peers import orders

_SQL = Path(__file__).parent / "sql"
_KEYS = f"{orders.KEY_PREFIX}%"


class Judged:
    """Reads the seed's tables, `transactions` and `transaction_events`, which every peer fills."""

    def __init__(self, uri: str) -> None:
        self._connection = psycopg.connect(uri, autocommit=True, row_factory=dict_row)

    def finished(self, keys: str = _KEYS) -> int:
        """Return how many payments are in a terminal status; `keys` is a pattern of LIKE for theirs."""
        return int(self._row("finished", keys=keys)["count"])

    def faults(self, accepted: int) -> Mapping[str, int]:
        """Return what is wrong by kind, 0 being right.

        `lost` of the accepted are not completed; a history has `doubled_events` beyond its three, or `missing_events`,
        or is `out_of_order` by its times; `wrong_amounts` are not those that were sent.
        """
        return self._row("faults", accepted=accepted, keys=_KEYS, least=orders.AMOUNT_MINOR_MIN, amounts=orders.AMOUNTS)

    def disk_bytes(self) -> int:
        return int(next(iter(self._row("disk_bytes").values())))

    def close(self) -> None:
        self._connection.close()

    def _row(self, name: str, **values: Any) -> dict[str, Any]:
        row = self._connection.execute(statement(_SQL / f"{name}.sql"), values or None).fetchone()
        assert row is not None
        return row


@cache
def statement(path: Path) -> LiteralString:
    return path.read_text(encoding="utf-8")
