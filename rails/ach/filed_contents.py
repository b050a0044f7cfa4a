"""What is in a file of the book, with account numbers opened: the same whenever it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from directory.sealing import Keyring
from rails.ach.book_reading import BookReading, FiledFile
from rails.ach.dishonored_returns import DishonoredReturn
from rails.ach.numbers import instruction_of
from rails.ach.payment_file import payment_file
from rails.ach.phases import Part
from rails.bank import Instruction
from rails.nacha.contents import NachaFile


def contents_of(reading: BookReading, filed: FiledFile, keyring: Keyring) -> NachaFile:
    """Return the contents of a file, read from the book as they are written; that may raise CannotOpen."""
    file_number = filed.cut_off.file_number

    def payments(part: Part) -> Iterator[Instruction]:
        return (instruction_of(payment, keyring) for payment in reading.payments_of(file_number, part))

    def returns(part: Part) -> Iterator[DishonoredReturn]:
        for payment, returned in reading.dishonored_in(file_number, part):
            yield DishonoredReturn(instruction_of(payment, keyring), returned)

    return payment_file(filed.cut_off, filed.counts, payments, returns)
