"""The elements of camt.053 that are read: blocks, and in them the leaves that hold text. All others pass by.

Widths are those of the schemas. What is not in these tables is not checked: a statement that has more than we need to
know, or an element of a bank's own, is a statement all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from reconciliation.statements.camt.versions import VERSIONS, Version

MESSAGE = "Document/BkToCstmrStmt/"


class Block(StrEnum):
    """An element whose leaves are gathered until it ends, by its path."""

    STATEMENT = MESSAGE + "Stmt"
    BALANCE = MESSAGE + "Stmt/Bal"
    TOTALS = MESSAGE + "Stmt/TxsSummry"
    ENTRY = MESSAGE + "Stmt/Ntry"
    DETAILS = MESSAGE + "Stmt/Ntry/NtryDtls"
    BATCH = MESSAGE + "Stmt/Ntry/NtryDtls/Btch"
    ITEM = MESSAGE + "Stmt/Ntry/NtryDtls/TxDtls"

    @property
    def field(self) -> str:
        """The path as faults name it."""
        return self.removeprefix(MESSAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """An element of text, by its path inside of its block."""

    block: Block
    path: str
    width: int
    repeats: bool = False

    @property
    def field(self) -> str:
        return f"{self.block.field}/{self.path}"


# The longest form of a number, a code, a day or a time that makes sense; xs:decimal has no width.
SHORT = 40

_LEAVES = {
    Block.STATEMENT: {
        "Id": 35,
        "FrToDt/FrDtTm": SHORT,
        "FrToDt/ToDtTm": SHORT,
        "Acct/Id/IBAN": 34,
        "Acct/Id/Othr/Id": 34,
        "Acct/Ccy": 3,
    },
    Block.BALANCE: {"Tp/CdOrPrtry/Cd": 4, "Amt": SHORT, "CdtDbtInd": 4, "Dt/Dt": SHORT, "Dt/DtTm": SHORT},
    Block.TOTALS: {
        "TtlNtries/NbOfNtries": 15,
        "TtlNtries/Sum": SHORT,
        "TtlCdtNtries/NbOfNtries": 15,
        "TtlCdtNtries/Sum": SHORT,
        "TtlDbtNtries/NbOfNtries": 15,
        "TtlDbtNtries/Sum": SHORT,
    },
    Block.ENTRY: {
        "NtryRef": 35,
        "Amt": SHORT,
        "CdtDbtInd": 4,
        "RvslInd": 5,
        "BookgDt/Dt": SHORT,
        "BookgDt/DtTm": SHORT,
        "ValDt/Dt": SHORT,
        "ValDt/DtTm": SHORT,
        "AcctSvcrRef": 35,
        "BkTxCd/Domn/Cd": 4,
        "BkTxCd/Domn/Fmly/Cd": 4,
        "BkTxCd/Domn/Fmly/SubFmlyCd": 4,
        "BkTxCd/Prtry/Cd": 35,
        "AddtlNtryInf": 500,
    },
    Block.DETAILS: {},
    Block.BATCH: {"MsgId": 35, "PmtInfId": 35, "NbOfTxs": 15, "TtlAmt": SHORT, "CdtDbtInd": 4},
    Block.ITEM: {
        "Refs/AcctSvcrRef": 35,
        "Refs/EndToEndId": 35,
        "Refs/ClrSysRef": 35,
        "RtrInf/Rsn/Cd": 4,
        "RtrInf/Rsn/Prtry": 35,
        "RmtInf/Ustrd": 140,
        "RmtInf/Strd/CdtrRefInf/Ref": 35,
        "AddtlTxInf": 500,
    },
}
_REPEATING = {"RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref"}


class Element:
    """A place in the tree of elements that are read: what is known of it, and its children by their full names."""

    __slots__ = ("children", "known")

    def __init__(self) -> None:
        self.known: Block | Leaf | None = None
        self.children: dict[str, Element] = {}


@lru_cache(maxsize=len(VERSIONS))
def tree_of(version: Version) -> Element:
    """Return the place above a version's document. Names are as expat gives them: namespace, blank, local name."""
    root = Element()
    for path, known in _known_of(version).items():
        element = root
        for name in path.split("/"):
            element = element.children.setdefault(f"{version.namespace} {name}", Element())
        element.known = known
    return root


def _known_of(version: Version) -> dict[str, Block | Leaf]:
    known: dict[str, Block | Leaf] = {block.value: block for block in Block}
    leaves = {block: dict(widths) for block, widths in _LEAVES.items()}
    leaves[Block.ENTRY][version.status] = 4
    leaves[Block.ITEM][version.item_amount] = SHORT
    if version.item_direction is not None:
        leaves[Block.ITEM][version.item_direction] = 4
    leaves[Block.TOTALS] |= {version.net_amount: SHORT, version.net_direction: 4}
    for block, widths in leaves.items():
        for path, width in widths.items():
            known[f"{block}/{path}"] = Leaf(block=block, path=path, width=width, repeats=path in _REPEATING)
    return known
