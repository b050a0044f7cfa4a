"""What the versions of camt.053 write differently, where the bank writes anything."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

DEFAULT_VERSION = "camt.053.001.08"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`has_own_amounts`: a transaction has an amount and a direction of its own, and the net of the totals stands in an
    element of its own (both since version 4). `status_is_choice`: since version 8."""

    has_own_amounts: bool
    status_is_choice: bool


VERSIONS = MappingProxyType(
    {
        "camt.053.001.02": Version(has_own_amounts=False, status_is_choice=False),
        "camt.053.001.04": Version(has_own_amounts=True, status_is_choice=False),
        "camt.053.001.08": Version(has_own_amounts=True, status_is_choice=True),
    }
)
