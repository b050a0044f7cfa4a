"""Reads the table as a stream: balances first, then entries, the payments of a batch behind its entry, an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reconciliation.statements.amounts import check_currency, whole_number
from reconciliation.statements.batches import EntrySize, check_count, check_net
from reconciliation.statements.csv_table.rows import Row, read_rows
from reconciliation.statements.days import plain_day
from reconciliation.statements.faults import BrokenText, Rule, refused
from reconciliation.statements.lines import read_lines
from reconciliation.statements.seen import Seen
from reconciliation.statements.tally import Tally
from reconciliation.statements.values import Batch, BatchItem, Entry, Placed, Statement, StatementEnd


def read_csv(chunks: Iterable[bytes]) -> Iterator[Placed]:
    """Yield the parts of a table's statements; raises InvalidStatement. Holds a chunk and one entry at a time."""
    table = Table()
    for row in read_rows(read_lines(chunks)):
        yield from table.take(row)
    table.end()


@dataclass(slots=True, kw_only=True)
class OpenBatch:
    """A row `batch` and the rows `item` behind it, as far as they have come."""

    row: Row
    items: list[BatchItem] = field(default_factory=list)


class Table:
    """Takes the rows in their order and gives the parts of the statements; raises InvalidStatement."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._last: Row | None = None
        self._opening: Row | None = None
        self._closing: Row | None = None
        self._statement: Statement | None = None
        self._tally = Tally()
        self._entry: Row | None = None
        self._batches: list[OpenBatch] = []
        self._entry_size = EntrySize()

    def take(self, row: Row) -> Iterator[Placed]:
        """Take the next row."""
        followers = frozenset({"opening"}) if self._last is None else self._last.kind.followers
        if row.name not in followers:
            raise row.refused("row", Rule.ORDER, "must be " + (" or ".join(sorted(followers)) or "nothing"))
        self._last = row
        match row.name:
            case "opening":
                self._opening = row
            case "closing":
                self._closing, self._statement = row, self._statement_of(row)
                self._tally = Tally()
                assert self._opening is not None
                yield Placed(self._opening.line, self._statement)
            case "entry":
                yield from self._close_entry()
                self._entry = row
            case "batch":
                self._grow(row)
                self._batches.append(OpenBatch(row=row))
            case "item":
                self._take_item(row)
            case "end":
                yield from self._close_entry()
                yield Placed(row.line, self._end_of(row))
            case "file":
                self._check_count(row, self._seen.count, "statements")

    def end(self) -> None:
        """Check that the table was complete."""
        if self._last is None or self._last.name != "file":
            line = 1 if self._last is None else self._last.line
            raise refused(line, "row", Rule.TRUNCATED, "the table must end with a row file")

    @property
    def _currency(self) -> str:
        assert self._statement is not None, "the order of rows is checked"
        return self._statement.currency

    def _statement_of(self, closing: Row) -> Statement:
        opening = self._opening
        assert opening is not None
        currency = opening.read("currency", check_currency)
        account, statement_id = opening.need("account"), opening.need("statement_id")
        opening_minor, closing_minor = opening.signed_minor(currency), closing.signed_minor(currency)
        assert opening_minor is not None
        assert closing_minor is not None
        first_day, last_day = opening.read("date", plain_day), closing.read("date", plain_day)
        if last_day < first_day:
            raise closing.refused("date", Rule.PERIOD, "must not be before that of the row opening")
        if not self._seen.add(account, statement_id, line=opening.line):
            raise opening.refused("statement_id", Rule.DUPLICATE, "must not be that of a statement before")
        return Statement(
            account=account,
            statement_id=statement_id,
            currency=currency,
            opening_minor=opening_minor,
            closing_minor=closing_minor,
            first_day=first_day,
            last_day=last_day,
        )

    def _take_item(self, row: Row) -> None:
        item = BatchItem(
            direction=row.direction(),
            amount_minor=row.amount_minor(self._currency),
            end_to_end_id=row.text("end_to_end_id"),
            reference=row.text("reference"),
            trace_number=row.text("trace_number"),
            return_reason=row.text("return_reason"),
            text=row.text("text") or "",
        )
        self._grow(row, item.text)
        self._batches[-1].items.append(item)

    def _grow(self, row: Row, text: str = "") -> None:
        try:
            self._entry_size.add(text)
        except BrokenText as broken:
            raise broken.at(row.line, "row") from None

    def _close_entry(self) -> Iterator[Placed]:
        row, batches = self._entry, self._batches
        self._entry, self._batches, self._entry_size = None, [], EntrySize()
        if row is None:
            return
        amount_minor = row.amount_minor(self._currency)
        assert amount_minor is not None
        entry = Entry(
            direction=row.direction(),
            amount_minor=amount_minor,
            booking_date=row.read("date", plain_day),
            value_date=row.read_optional("value_date", plain_day),
            is_reversal=row.is_reversal(),
            transaction_code=row.text("transaction_code"),
            end_to_end_id=row.text("end_to_end_id"),
            reference=row.text("reference"),
            trace_number=row.text("trace_number"),
            return_reason=row.text("return_reason"),
            text=row.text("text") or "",
            batches=tuple(_batch_of(batch, self._currency) for batch in batches),
        )
        self._tally.add(entry)
        yield Placed(row.line, entry)

    def _end_of(self, row: Row) -> StatementEnd:
        assert self._statement is not None
        assert self._closing is not None
        self._check_count(row, self._tally.entries, "entries")
        try:
            return self._tally.end(self._statement)
        except BrokenText as broken:
            raise broken.at(self._closing.line, "amount") from None

    def _check_count(self, row: Row, right: int, of_what: str) -> None:
        said = row.read("count", whole_number)
        if said != right:
            raise row.refused("count", Rule.COUNT, f"is {said}; there are {right} {of_what}")


def _batch_of(batch: OpenBatch, currency: str) -> Batch:
    row, items = batch.row, tuple(batch.items)
    items_count, net_minor = row.read_optional("count", whole_number), row.signed_minor(currency)
    for column, said, check in (("count", items_count, check_count), ("amount", net_minor, check_net)):
        try:
            if said is not None:
                check(said, items)
        except BrokenText as broken:
            raise broken.at(row.line, column) from None
    return Batch(
        message_id=row.text("message_id"),
        payment_information_id=row.text("payment_information_id"),
        items_count=items_count,
        net_minor=net_minor,
        items=items,
    )
