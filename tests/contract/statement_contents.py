"""What the golden statements hold; the files are in `statement_files`, named as here, one for each format."""

from __future__ import annotations

from datetime import UTC, date, datetime

from rails.simulated.statements.bookings import AccountStatement, Booking, Item, Kind, StatementFile

DAY, NEXT_DAY = date(2026, 12, 1), date(2026, 12, 2)


def day() -> StatementFile:
    """A day with everything: each kind of booking, a batch, a return, a reversal, a long text; two more accounts."""
    return StatementFile(
        sender="121042882",
        receiver="DIRECTPAY",
        created_at=datetime(2026, 12, 2, 0, 30, tzinfo=UTC),
        number=1,
        statements=(_clearing(), _empty(), _yen()),
    )


def _clearing() -> AccountStatement:
    payments = (
        Item(
            amount_minor=-150_000,
            reference="BK-1001",
            end_to_end_id="0a1b2c3d555545558555555555555555:1",
            trace_number="121042880000001",
            text="rent December, flat 4",
        ),
        Item(
            amount_minor=-98_765,
            reference="BK-1002",
            end_to_end_id="0a1b2c3e555545558555555555555555:1",
            trace_number="121042880000002",
        ),
    )
    bookings = (
        Booking(
            kind=Kind.ACH,
            item=Item(
                amount_minor=150_000,
                reference="BK-1000",
                end_to_end_id="0a1b2c3c555545558555555555555555:1",
                trace_number="091400600000017",
                text="Zoë <& Söhne> pay the rent of December for the flat on the 4th floor, as agreed with Alice",
            ),
            booked_on=DAY,
            valued_on=DAY,
        ),
        Booking(
            kind=Kind.ACH_FILE,
            item=Item(amount_minor=-248_765, reference="BK-1003", text="20261201-A-same_day_ach-00000001.ach"),
            booked_on=DAY,
            valued_on=NEXT_DAY,
            message_id="20261201-A",
            payments=payments,
        ),
        Booking(
            kind=Kind.ACH_RETURN,
            item=Item(
                amount_minor=-75_050,
                reference="BK-1004",
                end_to_end_id="0a1b2c3f555545558555555555555555:1",
                trace_number="121042880000003",
                return_reason="R01",
                text="insufficient funds",
            ),
            booked_on=DAY,
            valued_on=DAY,
        ),
        Booking(
            kind=Kind.WIRE,
            item=Item(amount_minor=-100, reference="BK-1005", return_reason="AC04"),
            booked_on=DAY,
            valued_on=DAY,
        ),
        Booking(kind=Kind.INSTANT, item=Item(amount_minor=1, reference="BK-1006"), booked_on=DAY, valued_on=DAY),
        Booking(
            kind=Kind.CORRECTION,
            item=Item(amount_minor=100, reference="BK-1007", text="undoes BK-1005"),
            booked_on=DAY,
            valued_on=DAY,
            is_reversal=True,
        ),
    )
    return AccountStatement(
        account="123456789",
        statement_id="123456789-261201",
        currency="USD",
        opening_minor=1_000_000,
        first_day=DAY,
        last_day=DAY,
        bookings=bookings,
    )


def _empty() -> AccountStatement:
    return AccountStatement(
        account="987654321",
        statement_id="987654321-261201",
        currency="USD",
        opening_minor=-5,
        first_day=DAY,
        last_day=DAY,
        bookings=(),
    )


def _yen() -> AccountStatement:
    wire = Booking(
        kind=Kind.WIRE, item=Item(amount_minor=1500, reference="BK-2000"), booked_on=NEXT_DAY, valued_on=NEXT_DAY
    )
    return AccountStatement(
        account="123456789",
        statement_id="123456789-261202-JPY",
        currency="JPY",
        opening_minor=0,
        first_day=NEXT_DAY,
        last_day=NEXT_DAY,
        bookings=(wire,),
    )


GOLDEN = {"day": day}
# Which file has which format.
FORMS = {
    "v02.xml": "camt.053.001.02",
    "v04.xml": "camt.053.001.04",
    "v08.xml": "camt.053.001.08",
    "bai2": "bai2",
    "csv": "csv",
}
