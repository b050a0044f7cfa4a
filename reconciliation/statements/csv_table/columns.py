"""The columns of the table, and which cells each kind of row must and may fill. docs/statements.md explains them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

COLUMNS = (
    "row",
    "account",
    "statement_id",
    "currency",
    "date",
    "value_date",
    "direction",
    "amount",
    "reversal",
    "transaction_code",
    "end_to_end_id",
    "reference",
    "trace_number",
    "return_reason",
    "text",
    "message_id",
    "payment_information_id",
    "count",
)
# As wide as camt.053 has the same.
WIDTHS = MappingProxyType({column: 500 if column == "text" else 35 for column in COLUMNS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of row: the cells that it must fill, those that it may, and which rows may come behind it."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()
    followers: frozenset[str]


_IDENTIFIERS = frozenset({"end_to_end_id", "reference", "trace_number", "return_reason", "text"})
_AMOUNT = frozenset({"direction", "amount"})
_BEHIND_ENTRIES = frozenset({"entry", "batch", "end"})

KINDS = MappingProxyType(
    {
        "opening": Kind(
            must=_AMOUNT | {"account", "statement_id", "currency", "date"}, followers=frozenset({"closing"})
        ),
        "closing": Kind(must=_AMOUNT | {"date"}, followers=frozenset({"entry", "end"})),
        "entry": Kind(
            must=_AMOUNT | {"date"},
            may=_IDENTIFIERS | {"value_date", "reversal", "transaction_code"},
            followers=_BEHIND_ENTRIES,
        ),
        "batch": Kind(
            must=frozenset(),
            may=_AMOUNT | {"message_id", "payment_information_id", "count"},
            followers=_BEHIND_ENTRIES | {"item"},
        ),
        "item": Kind(
            must=frozenset({"direction"}), may=_IDENTIFIERS | {"amount"}, followers=_BEHIND_ENTRIES | {"item"}
        ),
        "end": Kind(must=frozenset({"count"}), followers=frozenset({"opening", "file"})),
        "file": Kind(must=frozenset({"count"}), followers=frozenset()),
    }
)
