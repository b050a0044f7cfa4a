"""A second reading of camt.053 that shares no code with the writer or the reader: which elements a version has, in
which order and how often, and what they may hold.

Written by hand from the message definition reports of ISO 20022 (BankToCustomerStatementV02, V04 and V08), as far as a
bank of ours writes them. `check` returns the faults; none means that the message keeps the definition.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, datetime

NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(02|04|08)\}(.*)")

# Name, how often ("1", "?" at most once, "*" any number, "+" at least once), and what it holds: a key of these tables,
# or text by its pattern. In the order of the definition.
Child = tuple[str, str, str]

AMOUNT = r"text:(?=[0-9.]{1,19}$)[0-9]+(\.[0-9]{1,5})?"
NUMBER = r"text:[0-9]{1,15}"
MAX35 = r"text:.{1,35}"
DIRECTION = "text:CRDT|DBIT"

SAME: dict[str, list[Child]] = {
    "Document": [("BkToCstmrStmt", "1", "Message")],
    "Message": [("GrpHdr", "1", "Header"), ("Stmt", "+", "Statement")],
    "Header": [("MsgId", "1", MAX35), ("CreDtTm", "1", "time")],
    "Statement": [
        ("Id", "1", MAX35),
        ("ElctrncSeqNb", "?", NUMBER),
        ("CreDtTm", "1", "time"),
        ("FrToDt", "?", "Period"),
        ("Acct", "1", "Account"),
        ("Bal", "+", "Balance"),
        ("TxsSummry", "?", "Totals"),
        ("Ntry", "*", "Entry"),
        ("AddtlStmtInf", "?", "text:.{1,500}"),
    ],
    "Period": [("FrDtTm", "1", "time"), ("ToDtTm", "1", "time")],
    "Account": [("Id", "1", "AccountId"), ("Ccy", "?", "text:[A-Z]{3}")],
    "AccountId": [("IBAN", "?", "text:[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}"), ("Othr", "?", "OtherId")],
    "OtherId": [("Id", "1", "text:.{1,34}")],
    "Balance": [
        ("Tp", "1", "BalanceType"),
        ("Amt", "1", "money"),
        ("CdtDbtInd", "1", DIRECTION),
        ("Dt", "1", "Day"),
    ],
    "BalanceType": [("CdOrPrtry", "1", "BalanceCode")],
    "BalanceCode": [("Cd", "1", "text:OPBD|CLBD")],
    "Day": [("Dt", "1", "day")],
    "Totals": [
        ("TtlNtries", "?", "AllTotals"),
        ("TtlCdtNtries", "?", "SomeTotals"),
        ("TtlDbtNtries", "?", "SomeTotals"),
    ],
    "SomeTotals": [("NbOfNtries", "?", NUMBER), ("Sum", "?", AMOUNT)],
    "Code": [("Domn", "?", "Domain")],
    "Domain": [("Cd", "1", "text:[A-Z]{4}"), ("Fmly", "1", "Family")],
    "Family": [("Cd", "1", "text:[A-Z]{4}"), ("SubFmlyCd", "1", "text:[A-Z]{4}")],
    "Details": [("Btch", "?", "Batch"), ("TxDtls", "*", "Transaction")],
    "Batch": [
        ("MsgId", "?", MAX35),
        ("PmtInfId", "?", MAX35),
        ("NbOfTxs", "?", NUMBER),
        ("TtlAmt", "?", "money"),
        ("CdtDbtInd", "?", DIRECTION),
    ],
    "References": [("AcctSvcrRef", "?", MAX35), ("EndToEndId", "?", MAX35), ("ClrSysRef", "?", MAX35)],
    "Remittance": [("Ustrd", "*", "text:.{1,140}")],
    "Return": [("Rsn", "?", "Reason")],
    "Reason": [("Cd", "?", "text:[A-Z]{2}[0-9]{2}"), ("Prtry", "?", MAX35)],
}


def _entry(status: str) -> list[Child]:
    return [
        ("NtryRef", "?", MAX35),
        ("Amt", "1", "money"),
        ("CdtDbtInd", "1", DIRECTION),
        ("RvslInd", "?", "text:true|false"),
        ("Sts", "1", status),
        ("BookgDt", "?", "Day"),
        ("ValDt", "?", "Day"),
        ("AcctSvcrRef", "?", MAX35),
        ("BkTxCd", "1", "Code"),
        ("NtryDtls", "*", "Details"),
        ("AddtlNtryInf", "?", "text:.{1,500}"),
    ]


def _transaction(*amounts: Child) -> list[Child]:
    return [("Refs", "?", "References"), *amounts, ("RmtInf", "?", "Remittance"), ("RtrInf", "?", "Return")]


COUNTS: list[Child] = [("NbOfNtries", "?", NUMBER), ("Sum", "?", AMOUNT)]
NET: dict[str, list[Child]] = {
    "AllTotals": [*COUNTS, ("TtlNetNtry", "?", "Net")],
    "Net": [("Amt", "1", AMOUNT), ("CdtDbtInd", "1", DIRECTION)],
}
DIFFERENT: dict[str, dict[str, list[Child]]] = {
    "02": {
        "AllTotals": [*COUNTS, ("TtlNetNtryAmt", "?", AMOUNT), ("CdtDbtInd", "?", DIRECTION)],
        "Entry": _entry("text:BOOK|PDNG|INFO"),
        "Transaction": _transaction(("AmtDtls", "?", "AmountDetails")),
        "AmountDetails": [("TxAmt", "?", "AmountDetail")],
        "AmountDetail": [("Amt", "1", "money")],
    },
    "04": {
        **NET,
        "Entry": _entry("text:BOOK|PDNG|INFO"),
        "Transaction": _transaction(("Amt", "1", "money"), ("CdtDbtInd", "1", DIRECTION)),
    },
    "08": {
        **NET,
        "Entry": _entry("Status"),
        "Status": [("Cd", "1", "text:BOOK|PDNG|INFO|FUTR")],
        "Transaction": _transaction(("Amt", "?", "money"), ("CdtDbtInd", "?", DIRECTION)),
    },
}
CHOICES = {"AccountId", "Reason"}


def check(data: bytes) -> list[str]:
    """Return what is wrong with a message, as paths with a word or two."""
    root = ET.fromstring(data)
    match = NAMESPACE.fullmatch(root.tag)
    if match is None or match[2] != "Document":
        return ["Document"]
    return _faults(root, "Document", "Document", SAME | DIFFERENT[match[1]])


def _faults(element: ET.Element, holds: str, path: str, tables: dict[str, list[Child]]) -> list[str]:
    if holds not in tables:
        return [f"{path}: {element.text!r}"] if not _is_text(element, holds) else []
    if (element.text or "").strip() or element.attrib:
        return [f"{path}: text or attributes"]
    children, faults, at = list(element), list[str](), 0
    if holds in CHOICES and len(children) != 1:
        faults.append(f"{path}: a choice")
    for name, times, inner in tables[holds]:
        found = 0
        while at < len(children) and _name(children[at]) == name:
            faults += _faults(children[at], inner, f"{path}/{name}", tables)
            found, at = found + 1, at + 1
        if (times in "1+" and not found) or (times in "1?" and found > 1):
            faults.append(f"{path}/{name}: {found} times")
    if at < len(children):
        faults.append(f"{path}/{_name(children[at])}: not here")
    return faults


def _is_text(element: ET.Element, holds: str) -> bool:
    text = element.text or ""
    if len(element):
        return False
    match holds:
        case "money":
            currency = element.attrib.get("Ccy", "")
            return _fits(AMOUNT, text) and len(element.attrib) == 1 and re.fullmatch("[A-Z]{3}", currency) is not None
        case "day":
            return str(date.fromisoformat(text)) == text
        case "time":
            return "T" in text and datetime.fromisoformat(text) is not None
        case _:
            return _fits(holds, text) and not element.attrib


def _fits(holds: str, text: str) -> bool:
    return re.fullmatch(holds.removeprefix("text:"), text) is not None


def _name(element: ET.Element) -> str:
    match = NAMESPACE.fullmatch(element.tag)
    return match[2] if match else element.tag
