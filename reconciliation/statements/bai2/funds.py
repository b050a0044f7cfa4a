"""When an amount is available: the funds type of BAI2 and the fields that it brings with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reconciliation.statements.amounts import signed_number, whole_number
from reconciliation.statements.bai2.fields import Fields
from reconciliation.statements.days import yymmdd
from reconciliation.statements.faults import Rule

# Distributed availability is told in days from the as-of date; nobody distributes over more.
DISTRIBUTIONS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """`value_date` where a day is given; `is_immediate` when it is the as-of date; what distributed parts sum to."""

    value_date: date | None = None
    is_immediate: bool = False
    distributed_minor: int | None = None


def take_funds(fields: Fields) -> Funds:
    """Take the funds type and what belongs to it; raises InvalidStatement."""
    match fields.text("funds type"):
        case "" | "Z" | "1" | "2":
            return Funds()
        case "0":
            return Funds(is_immediate=True)
        case "V":
            value_date = fields.read("value date", yymmdd)
            fields.read_optional("value time", whole_number)
            return Funds(value_date=value_date)
        case "S":
            parts = [_part(fields, f"{name} availability") for name in ("immediate", "one-day", "two-day")]
            return Funds(distributed_minor=sum(parts))
        case "D":
            distributions = fields.read("distributions", whole_number)
            if distributions > DISTRIBUTIONS_MAX:
                raise fields.refused("distributions", Rule.TOO_LARGE, f"must be at most {DISTRIBUTIONS_MAX}")
            parts = []
            for _ in range(distributions):
                fields.read("available in days", whole_number)
                parts.append(_part(fields, "available amount"))
            return Funds(distributed_minor=sum(parts))
        case _:
            raise fields.refused("funds type", Rule.CODE, "must be Z, 0, 1, 2, S, V, D or empty")


def _part(fields: Fields, name: str) -> int:
    return fields.read_optional(name, signed_number) or 0
