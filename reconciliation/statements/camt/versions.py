"""What differs between the versions of camt.053, as far as it is read here.

Source: the schemas of camt.053.001.02, .04 and .08 (iso20022.org). Since version 4 a transaction has an amount and a
direction of its own (optional since 8), and the net of the totals has its direction beside it; since version 8 the
status of an entry is a choice between a code and a bank's own word.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Where a version has what others have elsewhere: paths inside of an entry, a transaction and the totals."""

    name: str
    status: str
    item_amount: str
    item_direction: str | None
    net_amount: str
    net_direction: str

    @property
    def namespace(self) -> str:
        return f"urn:iso:std:iso:20022:tech:xsd:{self.name}"


_VERSIONS = (
    Version(
        name="camt.053.001.02",
        status="Sts",
        item_amount="AmtDtls/TxAmt/Amt",
        item_direction=None,
        net_amount="TtlNtries/TtlNetNtryAmt",
        net_direction="TtlNtries/CdtDbtInd",
    ),
    Version(
        name="camt.053.001.04",
        status="Sts",
        item_amount="Amt",
        item_direction="CdtDbtInd",
        net_amount="TtlNtries/TtlNetNtry/Amt",
        net_direction="TtlNtries/TtlNetNtry/CdtDbtInd",
    ),
    Version(
        name="camt.053.001.08",
        status="Sts/Cd",
        item_amount="Amt",
        item_direction="CdtDbtInd",
        net_amount="TtlNtries/TtlNetNtry/Amt",
        net_direction="TtlNtries/TtlNetNtry/CdtDbtInd",
    ),
)
# By the namespaces of their documents.
VERSIONS = MappingProxyType({version.namespace: version for version in _VERSIONS})
