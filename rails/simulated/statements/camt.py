"""Writes camt.053, version 8 unless another is asked for. Source of the order of elements: the schemas of iso20022.org.

A pure function of its contents. An element a line: what a reader refuses can be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from xml.sax.saxutils import escape, quoteattr

from rails.simulated.statements.amounts import decimal_text
from rails.simulated.statements.bookings import AccountStatement, Booking, Item, StatementFile
from rails.simulated.statements.camt_versions import DEFAULT_VERSION, VERSIONS, Version
from rails.simulated.statements.codes import DOMAIN, codes_of
from rails.simulated.statements.sums import Sums, sums_of


def write_camt(file: StatementFile, version: str = DEFAULT_VERSION) -> Iterator[str]:
    """Yield the message in pieces of an entry; memory does not grow with it but for the longest entry."""
    rules = VERSIONS[version]
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">\n<BkToCstmrStmt>\n'
    created_at = _time(file.created_at)
    message_id = f"{file.created_at:%Y%m%d}-{file.number}"
    yield _node("GrpHdr", _leaf("MsgId", message_id), _leaf("CreDtTm", created_at))
    for statement in file.statements:
        yield from _statement(statement, rules, created_at)
    yield "</BkToCstmrStmt>\n</Document>\n"


def _statement(statement: AccountStatement, rules: Version, created_at: str) -> Iterator[str]:
    yield "<Stmt>\n"
    yield _leaf("Id", statement.statement_id)
    yield _leaf("CreDtTm", created_at)
    yield _node(
        "FrToDt",
        _leaf("FrDtTm", f"{statement.first_day}T00:00:00"),
        _leaf("ToDtTm", f"{statement.last_day}T23:59:59"),
    )
    account = _node("Id", _node("Othr", _leaf("Id", statement.account)))
    yield _node("Acct", account, _leaf("Ccy", statement.currency))
    yield _balance("OPBD", statement.opening_minor, statement.first_day, statement.currency)
    yield _balance("CLBD", statement.closing_minor, statement.last_day, statement.currency)
    yield _totals(sums_of(statement.bookings), statement.currency, rules)
    for number, booking in enumerate(statement.bookings, 1):
        yield _entry(number, booking, statement.currency, rules)
    yield "</Stmt>\n"


def _balance(code: str, balance_minor: int, day: date, currency: str) -> str:
    return _node(
        "Bal",
        _node("Tp", _node("CdOrPrtry", _leaf("Cd", code))),
        _amount("Amt", balance_minor, currency),
        _direction(balance_minor),
        _node("Dt", _leaf("Dt", day.isoformat())),
    )


def _totals(sums: Sums, currency: str, rules: Version) -> str:
    net_minor = sums.credit_minor - sums.debit_minor
    net_text = decimal_text(net_minor, currency)
    if rules.has_own_amounts:
        net = _node("TtlNetNtry", _leaf("Amt", net_text), _direction(net_minor))
    else:
        net = _leaf("TtlNetNtryAmt", net_text) + _direction(net_minor)
    return _node(
        "TxsSummry",
        _node(
            "TtlNtries",
            _leaf("NbOfNtries", str(sums.credits_count + sums.debits_count)),
            _leaf("Sum", decimal_text(sums.credit_minor + sums.debit_minor, currency)),
            net,
        ),
        _node(
            "TtlCdtNtries",
            _leaf("NbOfNtries", str(sums.credits_count)),
            _leaf("Sum", decimal_text(sums.credit_minor, currency)),
        ),
        _node(
            "TtlDbtNtries",
            _leaf("NbOfNtries", str(sums.debits_count)),
            _leaf("Sum", decimal_text(sums.debit_minor, currency)),
        ),
    )


def _entry(number: int, booking: Booking, currency: str, rules: Version) -> str:
    item, codes = booking.item, codes_of(booking)
    family = _node("Fmly", _leaf("Cd", codes.family), _leaf("SubFmlyCd", codes.sub_family))
    return _node(
        "Ntry",
        _leaf("NtryRef", str(number)),
        _amount("Amt", item.amount_minor, currency),
        _direction(item.amount_minor),
        _leaf("RvslInd", "true") if booking.is_reversal else "",
        _node("Sts", _leaf("Cd", "BOOK")) if rules.status_is_choice else _leaf("Sts", "BOOK"),
        _node("BookgDt", _leaf("Dt", booking.booked_on.isoformat())),
        _node("ValDt", _leaf("Dt", booking.valued_on.isoformat())),
        _leaf("AcctSvcrRef", item.reference),
        _node("BkTxCd", _node("Domn", _leaf("Cd", DOMAIN), family)),
        _node("NtryDtls", *_details(booking, currency, rules)),
        _optional("AddtlNtryInf", item.text) if booking.payments else "",
    )


def _details(booking: Booking, currency: str, rules: Version) -> Iterable[str]:
    if not booking.payments:
        return [_transaction(booking.item, currency, rules)]
    batch = _node(
        "Btch",
        _optional("MsgId", booking.message_id),
        _leaf("NbOfTxs", str(len(booking.payments))),
        _amount("TtlAmt", booking.item.amount_minor, currency),
        _direction(booking.item.amount_minor),
    )
    return [batch, *(_transaction(each, currency, rules) for each in booking.payments)]


def _transaction(item: Item, currency: str, rules: Version) -> str:
    amount = _amount("Amt", item.amount_minor, currency)
    return _node(
        "TxDtls",
        _node(
            "Refs",
            _leaf("AcctSvcrRef", item.reference),
            _optional("EndToEndId", item.end_to_end_id),
            _optional("ClrSysRef", item.trace_number),
        ),
        amount + _direction(item.amount_minor) if rules.has_own_amounts else _node("AmtDtls", _node("TxAmt", amount)),
        _node("RmtInf", _leaf("Ustrd", item.text)) if item.text else "",
        _node("RtrInf", _node("Rsn", _reason(item.return_reason))) if item.return_reason else "",
    )


def _reason(return_reason: str) -> str:
    # Nacha's codes (R01) are no codes of ISO 20022 (AC04).
    return _leaf("Prtry" if len(return_reason) == len("R01") else "Cd", return_reason)


def _amount(name: str, amount_minor: int, currency: str) -> str:
    return f"<{name} Ccy={quoteattr(currency)}>{decimal_text(amount_minor, currency)}</{name}>\n"


def _direction(amount_minor: int) -> str:
    return _leaf("CdtDbtInd", "CRDT" if amount_minor >= 0 else "DBIT")


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _optional(name: str, text: str | None) -> str:
    return _leaf(name, text) if text else ""


def _leaf(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n"


def _node(name: str, *children: str) -> str:
    return f"<{name}>\n{''.join(children)}</{name}>\n"
