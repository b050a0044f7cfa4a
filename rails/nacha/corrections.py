"""What a notification of change corrects: 29 columns of corrected data, which every change code divides its own way.

Nacha Operating Rules, appendix five. C04 and C09 replace a name and an identification number, which banks do not check.
"""

from __future__ import annotations

from dataclasses import dataclass

from rails.nacha.addenda import NotificationOfChange
from rails.nacha.codes import TRANSACTION_CODES, TransactionCode
from rails.nacha.entry_detail import check_digit_fits

CORRECTED_DATA_WIDTH = 29

# First and last column within the corrected data, from 1.
ROUTING_NUMBER, ACCOUNT_NUMBER, TRANSACTION_CODE = "routing_number", "account_number", "transaction_code"
NAME, IDENTIFICATION = "individual_name", "individual_identification_number"
COLUMNS = {
    "C01": {ACCOUNT_NUMBER: (1, 17)},
    "C02": {ROUTING_NUMBER: (1, 9)},
    "C03": {ROUTING_NUMBER: (1, 9), ACCOUNT_NUMBER: (13, 29)},
    "C04": {NAME: (1, 22)},
    "C05": {TRANSACTION_CODE: (1, 2)},
    "C06": {ACCOUNT_NUMBER: (1, 17), TRANSACTION_CODE: (21, 22)},
    "C07": {ROUTING_NUMBER: (1, 9), ACCOUNT_NUMBER: (10, 26), TRANSACTION_CODE: (27, 28)},
    "C09": {IDENTIFICATION: (1, 22)},
}


class UnreadableCorrection(ValueError):
    """Corrected data that does not hold what its change code promises. The message does not quote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What shall be used from now on; None where nothing changes."""

    routing_number: str | None = None
    account_number: str | None = None
    transaction_code: TransactionCode | None = None
    individual_name: str | None = None
    individual_identification_number: str | None = None


def read_correction(change: NotificationOfChange) -> Correction:
    """Return what a notification of change corrects, or raise UnreadableCorrection."""
    line = change.corrected_data.ljust(CORRECTED_DATA_WIDTH)
    parts = {name: line[first - 1 : last].strip() for name, (first, last) in COLUMNS[change.change_code].items()}
    for name, part in parts.items():
        if not part:
            raise UnreadableCorrection(f"{change.change_code}: {name} is blank")
    routing_number = parts.get(ROUTING_NUMBER)
    if routing_number is not None and not _is_routing_number(routing_number):
        raise UnreadableCorrection(f"{change.change_code}: {ROUTING_NUMBER} is none")
    code = parts.get(TRANSACTION_CODE)
    if code is not None and code not in TRANSACTION_CODES:
        raise UnreadableCorrection(f"{change.change_code}: {TRANSACTION_CODE} is none of checking or savings")
    return Correction(
        routing_number=routing_number,
        account_number=parts.get(ACCOUNT_NUMBER),
        transaction_code=None if code is None else TRANSACTION_CODES[code],
        individual_name=parts.get(NAME),
        individual_identification_number=parts.get(IDENTIFICATION),
    )


def corrected_data(change_code: str, correction: Correction) -> str:
    """Return the columns of a correction, which must have exactly what the change code promises."""
    columns = [" "] * CORRECTED_DATA_WIDTH
    for name, (first, last) in COLUMNS[change_code].items():
        value = getattr(correction, name)
        assert value is not None, name
        part = str(int(value)) if isinstance(value, TransactionCode) else value
        assert len(part) <= last - first + 1, name
        columns[first - 1 : first - 1 + len(part)] = part
    return "".join(columns).rstrip()


def _is_routing_number(text: str) -> bool:
    return len(text) == 9 and text.isascii() and text.isdecimal() and check_digit_fits(text)
