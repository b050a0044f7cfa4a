"""Files of the simulated bank, by hypothesis, and what reconciliation must read in them: said a second time, here."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile
from rails.simulated.statements.codes import codes_of
from rails.simulated.statements.writer import write_statements
from reconciliation.statements.reader import read_statements
from reconciliation.statements.values import Batch, BatchItem, Direction, Entry, Statement
from reconciliation.statements.whole import WholeStatement, whole_statements

CREATED_AT = datetime(2026, 12, 2, 0, 30, tzinfo=UTC)
DAY = date(2026, 12, 1)
CURRENCIES = ["USD", "EUR", "JPY", "KWD", "CLF"]

_LETTERS = "0123456789abcXYZ"
_references = st.builds(
    lambda first, rest: first + rest, st.sampled_from(_LETTERS), st.text(_LETTERS + ":._+-", max_size=34)
)
# Words as people write them, among them what could be taken for a part of a format.
_words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12) | st.sampled_from(
    ["rent", "a,b", '"quoted"', "<Ntry>", "&amp;", "=1+1", "88,", "/slash", "Zoë", "]]>"]
)
_texts = (
    st.lists(_words.filter(lambda word: word.isprintable() and not word.endswith("/")), max_size=6)
    .map(" ".join)
    .map(lambda text: text[:140].rstrip(" /"))
)
_amounts = st.integers(1, 10**12)


@st.composite
def items(draw: st.DrawFn, *, is_credit: bool) -> Item:
    return Item(
        amount_minor=draw(_amounts) * (1 if is_credit else -1),
        reference=draw(_references),
        end_to_end_id=draw(st.none() | _references.filter(lambda text: text != "NOTPROVIDED")),
        trace_number=draw(st.none() | st.from_regex(r"\A[0-9]{15}\Z")),
        return_reason=draw(st.none() | st.sampled_from(["R01", "R29", "AC04"])),
        text=draw(_texts),
    )


@st.composite
def bookings(draw: st.DrawFn, *, first_day: date, last_day: date) -> Booking:
    is_credit = draw(st.booleans())
    item = draw(items(is_credit=is_credit))
    payments = tuple(draw(st.lists(items(is_credit=is_credit), max_size=2))) if draw(st.booleans()) else ()
    if payments and abs(sum(each.amount_minor for each in payments)) > 10**12:
        payments = payments[:1]
    message_id = draw(_references) if payments else None
    if payments:
        total_minor = sum(each.amount_minor for each in payments)
        item = Item(amount_minor=total_minor, reference=item.reference, text=item.text)
    booked_on = draw(st.dates(first_day, last_day))
    return Booking(
        kind=draw(st.sampled_from(Kind)),
        item=item,
        booked_on=booked_on,
        valued_on=booked_on + timedelta(days=draw(st.integers(-2, 2))),
        is_reversal=draw(st.booleans()),
        message_id=message_id,
        payments=payments,
    )


@st.composite
def files(draw: st.DrawFn, *, days_max: int = 3) -> StatementFile:
    """Files of up to three statements; with `days_max` 1 of what BAI2 can hold."""
    statements: list[AccountStatement] = []
    for number in range(draw(st.integers(1, 3))):
        first_day = DAY + timedelta(days=draw(st.integers(0, 2)))
        last_day = first_day + timedelta(days=draw(st.integers(0, days_max - 1)))
        statements.append(
            AccountStatement(
                account=f"{number}{draw(st.text(_LETTERS, max_size=16))}",
                statement_id=draw(_references),
                currency=draw(st.sampled_from(CURRENCIES)),
                opening_minor=draw(st.integers(-(10**12), 10**12)),
                first_day=first_day,
                last_day=last_day,
                bookings=draw(st.lists(bookings(first_day=first_day, last_day=last_day), max_size=3)),
            )
        )
    return StatementFile(
        sender="121042882",
        receiver="DIRECTPAY",
        created_at=CREATED_AT,
        number=draw(st.integers(1, 99)),
        statements=statements,
    )


def written(file: StatementFile, form: str) -> bytes:
    return b"".join(write_statements(file, form))


def read(data: bytes) -> list[WholeStatement]:
    return whole_statements(read_statements(io.BytesIO(data)))


def expected(file: StatementFile, form: str) -> list[WholeStatement]:
    """What must be read of `file` once it is written as `form`."""
    return [
        WholeStatement(
            head=Statement(
                account=statement.account,
                statement_id=_bai2_id(file, statement) if form == "bai2" else statement.statement_id,
                currency=statement.currency,
                opening_minor=statement.opening_minor,
                closing_minor=statement.opening_minor + sum(each.item.amount_minor for each in statement.bookings),
                first_day=statement.first_day,
                last_day=statement.last_day,
            ),
            entries=tuple(_entry(booking, is_bai2=form == "bai2") for booking in statement.bookings),
        )
        for statement in file.statements
    ]


def _bai2_id(file: StatementFile, statement: AccountStatement) -> str:
    return f"{file.sender}/261202/{file.number}/{statement.last_day:%y%m%d}/{statement.currency}"


def _entry(booking: Booking, *, is_bai2: bool) -> Entry:
    item, codes = booking.item, codes_of(booking)
    batches: tuple[Batch, ...] = ()
    if booking.payments and not is_bai2:
        batch = Batch(
            message_id=booking.message_id,
            items_count=len(booking.payments),
            net_minor=item.amount_minor,
            items=tuple(_item(each) for each in booking.payments),
        )
        batches = (batch,)
    return Entry(
        direction=_direction(item),
        amount_minor=abs(item.amount_minor),
        booking_date=booking.booked_on,
        value_date=booking.valued_on,
        is_reversal=booking.is_reversal,
        transaction_code=codes.bai2 if is_bai2 else f"PMNT/{codes.family}/{codes.sub_family}",
        end_to_end_id=item.end_to_end_id,
        reference=item.reference,
        trace_number=item.trace_number,
        return_reason=item.return_reason,
        text=" ".join(_bai2_texts(item)) if is_bai2 else item.text,
        batches=batches,
    )


def _item(item: Item) -> BatchItem:
    return BatchItem(
        direction=_direction(item),
        amount_minor=abs(item.amount_minor),
        end_to_end_id=item.end_to_end_id,
        reference=item.reference,
        trace_number=item.trace_number,
        return_reason=item.return_reason,
        text=item.text,
    )


def _direction(item: Item) -> Direction:
    return Direction.CREDIT if item.amount_minor > 0 else Direction.DEBIT


def _bai2_texts(item: Item) -> Iterable[str]:
    if item.text:
        yield item.text
    if item.trace_number:
        yield f"TRACE#:{item.trace_number}"
    if item.return_reason:
        yield f"RETURN REASON:{item.return_reason}"
