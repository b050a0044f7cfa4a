"""Reads BAI2 as a stream: a file of groups (a day of a bank) of accounts of entries; each has a trailer that counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from reconciliation.statements.amounts import check_currency, signed_number, whole_number
from reconciliation.statements.bai2.account import Account, Summary, statement_of
from reconciliation.statements.bai2.fields import Fields
from reconciliation.statements.bai2.records import Record, read_records
from reconciliation.statements.days import yymmdd
from reconciliation.statements.faults import Rule, refused
from reconciliation.statements.lines import read_lines
from reconciliation.statements.seen import Seen
from reconciliation.statements.values import Placed

# Which records may follow which; at the end of a file nothing may.
MAY_FOLLOW = {
    "": {"01"},
    "01": {"02"},
    "02": {"03"},
    "03": {"16", "49"},
    "16": {"16", "49"},
    "49": {"03", "98"},
    "98": {"02", "99"},
    "99": set[str](),
}
DEFAULT_CURRENCY = "USD"


def read_bai2(chunks: Iterable[bytes]) -> Iterator[Placed]:
    """Yield the parts of a file's statements; raises InvalidStatement. Holds a chunk and one record at a time."""
    file = Bai2File()
    for record in read_records(read_lines(chunks)):
        yield from file.take(record)
    file.end()


class Level:
    """What a trailer must agree with: the sum of control totals, how many parts there were, and how many lines."""

    def __init__(self) -> None:
        self.control_minor = 0
        self.parts = 0
        self.lines = 0

    def add(self, part: Level) -> None:
        """Count a part that has ended."""
        self.control_minor += part.control_minor
        self.parts += 1
        self.lines += part.lines

    def check(self, fields: Fields, *, parts: str | None) -> None:
        """Take the fields of a trailer and compare them; `parts` is what it counts, if it does."""
        said = fields.read("control total", signed_number)
        if said != self.control_minor:
            detail = f"is {said}; the records give {self.control_minor}"
            raise fields.refused("control total", Rule.CONTROL_TOTAL, detail)
        if parts is not None:
            said = fields.read(parts, whole_number)
            if said != self.parts:
                raise fields.refused(parts, Rule.COUNT, f"is {said}; the file gives {self.parts}")
        said = fields.read("number of records", whole_number)
        if said != self.lines:
            raise fields.refused("number of records", Rule.RECORD_COUNT, f"is {said}; the file gives {self.lines}")
        fields.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a group header says of its accounts."""

    as_of: date
    currency: str


class Bai2File:
    """Takes the records of a file in their order and gives the parts of its statements; raises InvalidStatement."""

    def __init__(self) -> None:
        self._last_code = ""
        self._last_line = 1
        self._seen = Seen()
        self._name = ""
        self._group: Group | None = None
        self._account: Account | None = None
        self._file_level, self._group_level, self._account_level = Level(), Level(), Level()

    def take(self, record: Record) -> Iterator[Placed]:
        """Take the next record."""
        if record.code not in MAY_FOLLOW[self._last_code]:
            allowed = " or ".join(sorted(MAY_FOLLOW[self._last_code])) or "nothing"
            after = f"behind {self._last_code}" if self._last_code else "at the beginning"
            raise refused(record.line, "record code", Rule.ORDER, f"must be {allowed} {after}")
        self._last_code, self._last_line = record.code, record.pieces[-1].line
        fields = Fields(record)
        lines = len(record.pieces)
        match record.code:
            case "01":
                self._file_level.lines += lines
                self._take_file_header(fields)
            case "02":
                self._group_level = Level()
                self._group_level.lines += lines
                self._group = self._read_group(fields)
            case "03":
                self._account_level = Level()
                self._account_level.lines += lines
                self._account = self._read_account(fields)
                yield Placed(record.line, self._account.statement)
            case "16":
                self._account_level.lines += lines
                assert self._account is not None
                if entry := self._account.take_entry(fields):
                    yield Placed(record.line, entry)
            case "49":
                assert self._account is not None
                self._account_level.control_minor = self._account.control_minor
                self._end_level(self._account_level, self._group_level, fields, lines, parts=None)
                yield Placed(record.line, self._account.end())
            case "98":
                self._end_level(self._group_level, self._file_level, fields, lines, parts="number of accounts")
            case "99":
                self._file_level.lines += lines
                self._file_level.check(fields, parts="number of groups")

    def end(self) -> None:
        """Check that the file was complete."""
        if self._last_code != "99":
            raise refused(self._last_line, "record code", Rule.TRUNCATED, "the file must end with a trailer (99)")

    def _end_level(self, level: Level, above: Level, fields: Fields, lines: int, *, parts: str | None) -> None:
        level.lines += lines
        level.check(fields, parts=parts)
        above.add(level)

    def _take_file_header(self, fields: Fields) -> None:
        sender = fields.need("sender")
        fields.text("receiver")
        created_on = fields.read("creation date", yymmdd)
        fields.text("creation time")
        number = fields.need("file id")
        fields.text("record length")
        fields.text("block size")
        if fields.text("version") != "2":
            raise fields.refused("version", Rule.VERSION, "must be 2")
        fields.end()
        # BAI2 names files, not statements: the sender's files of a day are numbered.
        self._name = f"{sender}/{created_on:%y%m%d}/{number}"

    def _read_group(self, fields: Fields) -> Group:
        fields.text("receiver")
        fields.need("originator")
        if fields.text("status") != "1":
            raise fields.refused("status", Rule.CODE, "must be 1, an update: no deletions, corrections or tests")
        as_of = fields.read("as-of date", yymmdd)
        fields.text("as-of time")
        currency = fields.read_optional("currency", check_currency)
        if fields.text("as-of date modifier") not in {"", "2", "4"}:
            raise fields.refused("as-of date modifier", Rule.CODE, "must be final (2 or 4): interim reports come again")
        fields.end()
        return Group(as_of=as_of, currency=currency or DEFAULT_CURRENCY)

    def _read_account(self, fields: Fields) -> Account:
        group = self._group
        assert group is not None
        line = fields.line
        number = fields.need("account number")
        currency = fields.read_optional("currency", check_currency) or group.currency
        statement_id = f"{self._name}/{group.as_of:%y%m%d}/{currency}"
        if not self._seen.add(number, statement_id, line=line):
            detail = "an account must stand once for a day and a currency"
            raise refused(line, "03/account number", Rule.DUPLICATE, detail)
        summary = Summary()
        summary.take(fields)
        statement = statement_of(
            number, summary, statement_id=statement_id, currency=currency, as_of=group.as_of, line=line
        )
        return Account(statement, summary)
