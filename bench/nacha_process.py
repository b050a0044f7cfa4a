"""One step of the Nacha stage, in a process of its own: writes a file, or reads one and checks every rule."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from datetime import time as time_of_day
from enum import StrEnum
from pathlib import Path

from bench.usage import peak_resident_mib
from directory.entities import check_digit
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import EntryClass, ServiceClass, TransactionCode
from rails.nacha.contents import Batch, NachaFile, trace_number
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.file_header import FileHeader
from rails.nacha.reader import read_records
from rails.nacha.writer import write_file

FEW_SHARE = 10
ENTRIES_A_BATCH = 10_000
BANKS = 997
ODFI = "12104288"
DAY = date(2026, 12, 1)


class Step(StrEnum):
    """What a process measures."""

    WRITE = "write"
    READ = "read"


def contents(entries: int) -> NachaFile:
    """Return a file of debits, made as it is gone through."""
    header = FileHeader(
        immediate_destination="091400606",
        immediate_origin="121042882",
        file_creation_date=DAY,
        file_creation_time=time_of_day(9, 0),
    )
    return NachaFile(header=header, batches=_batches(entries))


def _batches(entries: int) -> Iterator[Batch]:
    routing_numbers = [f"{n:08d}{check_digit(f'{n:08d}')}" for n in range(10_000_000, 10_000_000 + BANKS)]
    for number, first in enumerate(range(0, entries, ENTRIES_A_BATCH), 1):
        header = BatchHeader(
            service_class=ServiceClass.DEBITS,
            company_name="DIRECTPAY",
            company_identification="1234567890",
            standard_entry_class=EntryClass.WEB,
            company_entry_description="RENT",
            effective_entry_date=DAY,
            originating_dfi_identification=ODFI,
            batch_number=number,
        )
        numbers = range(first, min(first + ENTRIES_A_BATCH, entries))
        yield Batch(header=header, entries=(_entry(n, routing_numbers[n % BANKS]) for n in numbers))


def _entry(n: int, routing_number: str) -> EntryDetail:
    return EntryDetail(
        transaction_code=TransactionCode.CHECKING_DEBIT,
        routing_number=routing_number,
        account_number=f"{n:010d}",
        amount_minor=100_000 + n % 100_000,
        individual_identification_number=f"{n:015X}",
        individual_name=f"RENTER {n}",
        discretionary_data="R",
        trace_number=trace_number(ODFI, n + 1),
    )


def main() -> None:
    """`python -m bench.nacha_process write|read PATH ENTRIES`: prints seconds, CPU seconds and peak memory as JSON."""
    step, path, entries = Step(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    began, cpu_began = time.perf_counter(), time.process_time()
    match step:
        case Step.WRITE:
            with path.open("wb") as file:
                file.writelines(write_file(contents(entries)))
        case Step.READ:
            with path.open("rb") as file:
                read = sum(isinstance(placed.record, EntryDetail) for placed in read_records(file))
            assert read == entries, read
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu_began,
        "peak_mib": peak_resident_mib(os.getpid()),
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
