"""The entry detail: one debit or credit of one account, with the addenda record behind it."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from msgspec import Struct

from directory.entities import check_digit
from rails.nacha.addenda import Addenda
from rails.nacha.codes import TRANSACTION_CODES, TransactionCode
from rails.nacha.layout import Layout, constant, digits, matching, number, one_of, text

# Some ten thousand banks take part in ACH.
ROUTING_NUMBERS_REMEMBERED = 16_384


class EntryDetail(Struct, frozen=True, kw_only=True, tag="entry_detail", tag_field="record"):
    """Record 6 and, if there is one, the 7 behind it; the entry classes read here allow no more than one.

    `routing_number` has 9 digits: the receiving DFI identification and its check digit. `amount_minor` is in cents.
    The account number is kept out of the repr.
    """

    LAYOUT: ClassVar[Layout] = Layout(
        "entry_detail",
        constant("record_type_code", 1, "6"),
        one_of("transaction_code", 2, 3, tuple(TRANSACTION_CODES)),
        digits("receiving_dfi_identification", 4, 11),
        digits("check_digit", 12, 12),
        text("dfi_account_number", 13, 29, mandatory=True),
        number("amount", 30, 39),
        text("individual_identification_number", 40, 54),
        text("individual_name", 55, 76, mandatory=True),
        text("discretionary_data", 77, 78),
        matching("addenda_record_indicator", 79, 79, "[01]", "must be 0 or 1"),
        digits("trace_number", 80, 94),
    )

    transaction_code: TransactionCode
    routing_number: str
    account_number: str
    amount_minor: int
    individual_name: str
    trace_number: str
    individual_identification_number: str = ""
    discretionary_data: str = ""
    addenda: Addenda | None = None

    def __repr__(self) -> str:
        return f"EntryDetail({self.transaction_code.name}, {self.amount_minor} cents, trace {self.trace_number})"

    def line(self, line_number: int) -> str:
        """Return the record without its addenda; raises BrokenRecord."""
        values = (
            self.transaction_code.value,
            self.routing_number[:8],
            self.routing_number[8:],
            self.account_number,
            self.amount_minor,
            self.individual_identification_number,
            self.individual_name,
            self.discretionary_data,
            "0" if self.addenda is None else "1",
            self.trace_number,
        )
        return self.LAYOUT.line(values, line_number)

    @classmethod
    def of(cls, columns: tuple[str, ...], addenda: Addenda | None) -> EntryDetail:
        """Return the record of the columns that vary."""
        return cls(
            transaction_code=TRANSACTION_CODES[columns[0]],
            routing_number=columns[1] + columns[2],
            account_number=columns[3].rstrip(" "),
            amount_minor=int(columns[4]),
            individual_identification_number=columns[5].rstrip(" "),
            individual_name=columns[6].rstrip(" "),
            discretionary_data=columns[7].rstrip(" "),
            trace_number=columns[9],
            addenda=addenda,
        )


@lru_cache(maxsize=ROUTING_NUMBERS_REMEMBERED)
def check_digit_fits(routing_number: str) -> bool:
    """Tell whether the 9th digit is the check digit of the first 8."""
    return check_digit(routing_number[:8]) == int(routing_number[8])
