"""A camt.053 message as its blocks come: makes the parts of its statements and checks what must agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from reconciliation.statements.amounts import check_currency, minor_units, whole_number
from reconciliation.statements.batches import EntrySize
from reconciliation.statements.camt.elements import Block
from reconciliation.statements.camt.entries import Details, entry_of, item_of
from reconciliation.statements.camt.gathered import Gathered
from reconciliation.statements.camt.versions import Version
from reconciliation.statements.days import xml_time_day
from reconciliation.statements.faults import BrokenText, Rule, refused
from reconciliation.statements.seen import Seen
from reconciliation.statements.tally import Tally
from reconciliation.statements.values import Placed, Statement

# DecimalNumber, of sums over currencies: up to 17 decimals.
SUM_DECIMALS_MAX = 17

OPENING, PREVIOUS_CLOSING, CLOSING = "OPBD", "PRCD", "CLBD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A booked balance, positive when the bank owes it, and what it was read from."""

    signed_minor: int
    day: date
    source: Gathered


class OpenStatement:
    """One Stmt while it passes."""

    def __init__(self, source: Gathered) -> None:
        self.source = source
        self.currency: str | None = None
        self.balances: dict[str, Balance] = {}
        self.totals: Gathered | None = None
        self.head: Statement | None = None
        self.tally = Tally()
        self.details: list[Details] = []
        self.entry_size = EntrySize()


class Message:
    """Takes the blocks of a message; `found` gathers the parts of its statements, for the caller to take away.

    Everything that is not as it must be raises InvalidStatement.
    """

    def __init__(self) -> None:
        self.found: list[Placed] = []
        self._seen = Seen()
        self._version: Version | None = None
        self._statement: OpenStatement | None = None
        self._entry: Gathered | None = None

    def begin(self, version: Version) -> None:
        """The message is of this version."""
        self._version = version

    def open(self, gathered: Gathered) -> None:
        """A block begins; an entry ends the head of its statement."""
        match gathered.block:
            case Block.STATEMENT:
                self._statement = OpenStatement(gathered)
            case Block.BALANCE | Block.TOTALS:
                if self._open_statement.head is not None:
                    raise gathered.refused("", Rule.ORDER, "must stand before the entries")
            case Block.ENTRY:
                self._end_head(self._open_statement)
                self._entry = gathered
            case Block.DETAILS:
                self._open_statement.details.append(Details())
                self._grow(gathered)
            case Block.BATCH | Block.ITEM:
                pass
            case _:
                assert_never(gathered.block)

    def close(self, gathered: Gathered) -> None:
        """A block has ended: use what it holds."""
        statement = self._open_statement
        match gathered.block:
            case Block.STATEMENT:
                self._end_head(statement)
                self._end(statement)
            case Block.BALANCE:
                self._take_balance(statement, gathered)
            case Block.TOTALS:
                statement.totals = gathered
            case Block.ENTRY:
                self._take_entry(statement, gathered)
            case Block.DETAILS:
                if not (statement.details[-1].batch or statement.details[-1].items):
                    statement.details.pop()
            case Block.BATCH:
                statement.details[-1].batch = gathered
            case Block.ITEM:
                self._take_item(statement, gathered)
            case _:
                assert_never(gathered.block)

    def end(self) -> None:
        """Check that there was a statement."""
        if not self._seen.count:
            raise refused(1, "Stmt", Rule.MANDATORY, "must have at least one statement")

    @property
    def _open_statement(self) -> OpenStatement:
        assert self._statement is not None, "every other block lies in a statement"
        return self._statement

    def _take_balance(self, statement: OpenStatement, source: Gathered) -> None:
        code = source.text("Tp/CdOrPrtry/Cd")
        if code not in {OPENING, PREVIOUS_CLOSING, CLOSING}:
            return
        if code in statement.balances:
            raise source.refused("Tp/CdOrPrtry/Cd", Rule.REPEATED, f"{code} must stand once")
        if statement.currency is None:
            given = statement.source.read("Acct/Ccy", check_currency)
            statement.currency = given or source.currency("Amt")
        amount_minor = source.amount_minor("Amt", statement.currency)
        day = source.day("Dt")
        if day is None:
            raise source.refused("Dt", Rule.MANDATORY, "must be there")
        signed_minor = source.direction("CdtDbtInd").signed(amount_minor)
        statement.balances[code] = Balance(signed_minor=signed_minor, day=day, source=source)

    def _end_head(self, statement: OpenStatement) -> None:
        if statement.head is not None:
            return
        source, balances = statement.source, statement.balances
        opening, closing = balances.get(OPENING) or balances.get(PREVIOUS_CLOSING), balances.get(CLOSING)
        if opening is None or closing is None or statement.currency is None:
            detail = "must have booked balances: OPBD (or PRCD) and CLBD, before its entries"
            raise source.refused("Bal", Rule.MISSING_BALANCE, detail)
        account = source.text("Acct/Id/IBAN") or source.need("Acct/Id/Othr/Id").text
        first_day = source.read("FrToDt/FrDtTm", xml_time_day) or opening.day
        last_day = source.read("FrToDt/ToDtTm", xml_time_day) or closing.day
        if last_day < first_day:
            raise source.refused("FrToDt", Rule.PERIOD, "must not end before it begins", source.one("FrToDt/ToDtTm"))
        statement_id = source.need("Id")
        if not self._seen.add(account, statement_id.text, line=source.place.line):
            raise source.refused("Id", Rule.DUPLICATE, "must not be that of a statement before", statement_id)
        statement.head = Statement(
            account=account,
            statement_id=statement_id.text,
            currency=statement.currency,
            opening_minor=opening.signed_minor,
            closing_minor=closing.signed_minor,
            first_day=first_day,
            last_day=last_day,
        )
        self.found.append(Placed(source.place.line, statement.head))

    def _take_item(self, statement: OpenStatement, source: Gathered) -> None:
        assert self._version is not None
        assert self._entry is not None
        assert statement.currency is not None
        item = item_of(source, self._version, self._entry, statement.currency)
        self._grow(source, item.text)
        statement.details[-1].items.append(item)

    def _grow(self, source: Gathered, text: str = "") -> None:
        try:
            self._open_statement.entry_size.add(text)
        except BrokenText as broken:
            raise source.refused("", broken.rule, broken.detail) from None

    def _take_entry(self, statement: OpenStatement, source: Gathered) -> None:
        assert self._version is not None
        assert statement.currency is not None
        entry = entry_of(source, self._version, statement.details, statement.currency)
        statement.tally.add(entry)
        statement.details = []
        statement.entry_size = EntrySize()
        self.found.append(Placed(source.place.line, entry))

    def _end(self, statement: OpenStatement) -> None:
        assert statement.head is not None
        # Banks differ about whether the totals have what is not booked.
        if statement.totals is not None and statement.tally.is_all_booked:
            self._check_totals(statement.totals, statement.tally, statement.head.currency)
        source = statement.balances[CLOSING].source
        try:
            end = statement.tally.end(statement.head)
        except BrokenText as broken:
            raise source.refused("Amt", broken.rule, broken.detail, source.one("Amt")) from None
        self.found.append(Placed(source.place.line, end))
        self._statement = None

    def _check_totals(self, totals: Gathered, tally: Tally, currency: str) -> None:
        def read_sum(text: str) -> int:
            return minor_units(text, currency, decimals_max=SUM_DECIMALS_MAX)

        for path, right in (
            ("TtlNtries/NbOfNtries", tally.entries),
            ("TtlCdtNtries/NbOfNtries", tally.credits),
            ("TtlDbtNtries/NbOfNtries", tally.debits),
        ):
            said = totals.read(path, whole_number)
            if said is not None and said != right:
                raise totals.refused(path, Rule.COUNT, f"is {said}; the entries give {right}", totals.one(path))
        for path, right in (
            ("TtlNtries/Sum", tally.credit_minor + tally.debit_minor),
            ("TtlCdtNtries/Sum", tally.credit_minor),
            ("TtlDbtNtries/Sum", tally.debit_minor),
        ):
            said = totals.read(path, read_sum)
            if said is not None and said != right:
                detail = f"is {said} minor units; the entries give {right}"
                raise totals.refused(path, Rule.SUM, detail, totals.one(path))
        self._check_net(totals, tally, read_sum)

    def _check_net(self, totals: Gathered, tally: Tally, read_sum: Callable[[str], int]) -> None:
        assert self._version is not None
        path = self._version.net_amount
        net_minor = totals.read(path, read_sum)
        if net_minor is None:
            return
        said, right = totals.direction(self._version.net_direction).signed(net_minor), tally.net_minor
        if said != right:
            detail = f"is {said} minor units; the entries give {right}"
            raise totals.refused(path, Rule.SUM, detail, totals.one(path))
