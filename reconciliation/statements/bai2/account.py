"""One account of a BAI2 file while it passes: its summary, its entries and what its trailer must agree with."""

from __future__ import annotations

from datetime import date

from reconciliation.statements.amounts import signed_number, whole_number
from reconciliation.statements.bai2.fields import Fields
from reconciliation.statements.bai2.funds import Funds, take_funds
from reconciliation.statements.bai2.labels import return_reason_in, trace_number_in
from reconciliation.statements.bai2.type_codes import (
    CLOSING_LEDGER,
    CREDITS_COUNT,
    DEBITS_COUNT,
    NON_MONETARY,
    OPENING_LEDGER,
    REVERSALS,
    TOTAL_CREDITS,
    TOTAL_DEBITS,
    direction_of,
    type_code,
)
from reconciliation.statements.faults import BrokenText, Rule, refused
from reconciliation.statements.tally import Tally
from reconciliation.statements.values import Direction, Entry, Statement, StatementEnd

_CHECKED = frozenset({OPENING_LEDGER, CLOSING_LEDGER, TOTAL_CREDITS, CREDITS_COUNT, TOTAL_DEBITS, DEBITS_COUNT})


class Summary:
    """The amounts of the type codes in a record 03 that are checked, with their lines, and the sum of all."""

    def __init__(self) -> None:
        self.control_minor = 0
        self.amounts: dict[str, tuple[int, int]] = {}
        self.counts: dict[str, tuple[int, int]] = {}

    def take(self, fields: Fields) -> None:
        """Take what is left of a record 03: type code, amount, item count and funds type, again and again."""
        while fields.has_more:
            code = fields.read_optional("type code", type_code)
            amount_minor = fields.read_optional("amount", signed_number)
            line = fields.line
            count = fields.read_optional("item count", whole_number)
            if code in _CHECKED and code is not None and count is not None:
                self.counts[code] = (count, fields.line)
            take_funds(fields)
            if amount_minor is None:
                continue
            if code is None:
                raise refused(line, "03/type code", Rule.MANDATORY, "must stand before an amount")
            if code in _CHECKED:
                if code in self.amounts:
                    raise refused(line, f"03/{code}", Rule.REPEATED, "must stand once")
                self.amounts[code] = (amount_minor, line)
            self.control_minor += amount_minor

    def balance(self, code: str, line: int) -> int:
        """Return a balance; raises InvalidStatement where there is none."""
        if code not in self.amounts:
            raise refused(line, f"03/{code}", Rule.MISSING_BALANCE, "must have 010 and 015, opening and closing ledger")
        return self.amounts[code][0]


class Account:
    """An account from its record 03 to its record 49; `statement` is what the 03 says."""

    def __init__(self, statement: Statement, summary: Summary) -> None:
        self.statement = statement
        self.control_minor = summary.control_minor
        self._summary = summary
        self._tally = Tally()

    def take_entry(self, fields: Fields) -> Entry | None:
        """Take a record 16; None for one that moves no money. Raises InvalidStatement."""
        code = fields.read("type code", type_code)
        if code == NON_MONETARY:
            self.control_minor += fields.read_optional("amount", signed_number) or 0
            return None
        try:
            direction = direction_of(code)
        except BrokenText as broken:
            raise broken.at(fields.line, fields.name_of("type code")) from None
        amount_minor = fields.read("amount", whole_number)
        line = fields.line
        funds = take_funds(fields)
        if funds.distributed_minor not in {None, amount_minor}:
            detail = f"must sum to the amount, {amount_minor} minor units"
            raise refused(line, fields.name_of("funds type"), Rule.FUNDS, detail)
        entry = self._entry(fields, code, direction, amount_minor, funds)
        self.control_minor += amount_minor
        self._tally.add(entry)
        return entry

    def end(self) -> StatementEnd:
        """Check what the summary says of the entries; raises InvalidStatement."""
        tally, amounts, counts = self._tally, self._summary.amounts, self._summary.counts
        for code, right in ((TOTAL_CREDITS, tally.credit_minor), (TOTAL_DEBITS, tally.debit_minor)):
            _check(amounts, code, "amount", right, Rule.SUM)
        for code, right in ((CREDITS_COUNT, tally.credits), (DEBITS_COUNT, tally.debits)):
            _check(amounts, code, "amount", right, Rule.COUNT)
        for code, right in ((TOTAL_CREDITS, tally.credits), (TOTAL_DEBITS, tally.debits)):
            _check(counts, code, "item count", right, Rule.COUNT)
        try:
            return tally.end(self.statement)
        except BrokenText as broken:
            raise broken.at(amounts[CLOSING_LEDGER][1], f"03/{CLOSING_LEDGER}") from None

    def _entry(self, fields: Fields, code: str, direction: Direction, amount_minor: int, funds: Funds) -> Entry:
        as_of = self.statement.last_day
        reference, end_to_end_id = fields.text("bank reference"), fields.text("customer reference")
        text = fields.free_text()
        return Entry(
            direction=direction,
            amount_minor=amount_minor,
            booking_date=as_of,
            value_date=as_of if funds.is_immediate else funds.value_date,
            is_reversal=code in REVERSALS,
            transaction_code=code,
            end_to_end_id=end_to_end_id or None,
            reference=reference or None,
            trace_number=trace_number_in(text),
            return_reason=return_reason_in(text),
            text=text,
        )


def statement_of(
    account: str, summary: Summary, *, statement_id: str, currency: str, as_of: date, line: int
) -> Statement:
    """Return the head of an account's statement; raises InvalidStatement when a balance is missing."""
    return Statement(
        account=account,
        statement_id=statement_id,
        currency=currency,
        opening_minor=summary.balance(OPENING_LEDGER, line),
        closing_minor=summary.balance(CLOSING_LEDGER, line),
        first_day=as_of,
        last_day=as_of,
    )


def _check(said: dict[str, tuple[int, int]], code: str, name: str, right: int, rule: Rule) -> None:
    if code in said and said[code][0] != right:
        detail = f"{name} is {said[code][0]}; the entries give {right}"
        raise refused(said[code][1], f"03/{code}", rule, detail)
