"""Contents of Nacha files for tests: a small one of each kind by hand, and all that are valid for hypothesis."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, time
from typing import Any

from hypothesis import strategies as st

from directory.entities import check_digit
from rails.nacha.addenda import Addenda, NotificationOfChange, PaymentInformation
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, FORWARD, PRENOTES, RETURNS, EntryClass, ServiceClass, TransactionCode
from rails.nacha.contents import Batch, NachaFile, trace_number
from rails.nacha.entry_detail import EntryDetail
from rails.nacha.faults import Fault
from rails.nacha.file_header import FileHeader
from rails.nacha.reader import examine
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return
from rails.nacha.return_codes import (
    CHANGE_REASONS,
    CONTESTED_REASONS,
    DECEASED,
    DISHONORED_REASONS,
    RETURN_REASONS,
)

ODFI = "12104288"  # Ours, with the check digit 2.
RDFI = "23138010"  # The renter's bank, with the check digit 4.

HEADER = FileHeader(
    immediate_destination="091400606",
    immediate_origin="121042882",
    file_creation_date=date(2026, 11, 30),
    file_creation_time=time(9, 5),
    file_id_modifier="A",
    immediate_destination_name="FEDERAL RESERVE BANK",
    immediate_origin_name="DIRECTPAY BANK",
)


def batch_header(**given: Any) -> BatchHeader:
    fields: dict[str, Any] = {
        "service_class": ServiceClass.MIXED,
        "company_name": "DIRECTPAY",
        "company_identification": "1234567890",
        "standard_entry_class": EntryClass.PPD,
        "company_entry_description": "RENT",
        "effective_entry_date": date(2026, 12, 1),
        "originating_dfi_identification": ODFI,
        "batch_number": 1,
    }
    return BatchHeader(**{**fields, **given})


def entry(sequence: int = 1, *, dfi: str = ODFI, **given: Any) -> EntryDetail:
    fields: dict[str, Any] = {
        "transaction_code": TransactionCode.CHECKING_DEBIT,
        "routing_number": RDFI + "4",
        "account_number": "987654321",
        "amount_minor": 150_000,
        "individual_name": "BOB RENTER",
        "individual_identification_number": "RENT-2026-12",
        "trace_number": trace_number(dfi, sequence),
    }
    return EntryDetail(**{**fields, **given})


def nacha_file(*batches: Batch) -> NachaFile:
    return NachaFile(header=HEADER, batches=batches)


def faults_of(data: bytes) -> list[Fault]:
    return [each for each in examine(io.BytesIO(data)) if isinstance(each, Fault)]


dates = st.dates(date(2000, 1, 1), date(2099, 12, 31))
days_of_year = st.integers(1, 366)
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def texts(width: int, *, mandatory: bool = False) -> st.SearchStrategy[str]:
    found = st.text(printable, max_size=width).map(lambda each: each.rstrip(" "))
    return found.filter(bool) if mandatory else found


eights = digits(8)
routing_numbers = eights.map(lambda eight: f"{eight}{check_digit(eight)}")
origins = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=9, max_size=10)

headers = st.builds(
    FileHeader,
    immediate_destination=routing_numbers,
    immediate_origin=origins,
    file_creation_date=dates,
    file_creation_time=st.none() | st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    file_id_modifier=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    immediate_destination_name=texts(23),
    immediate_origin_name=texts(23),
    reference_code=texts(8),
)

payment_information = st.builds(PaymentInformation, payment_related_information=texts(80))


@st.composite
def returns(draw: Callable[..., Any]) -> Return:
    code = draw(st.sampled_from(sorted(RETURN_REASONS)))
    return Return(
        return_reason_code=code,
        original_trace_number=draw(digits(15)),
        original_receiving_dfi=draw(eights),
        date_of_death=draw(st.none() | dates) if code in DECEASED else None,
        addenda_information=draw(texts(44)),
    )


reasons = digits(2).map(lambda number: f"R{number}")
dishonored_returns = st.builds(
    DishonoredReturn,
    dishonored_return_reason_code=st.sampled_from(sorted(DISHONORED_REASONS)),
    original_trace_number=digits(15),
    original_receiving_dfi=eights,
    return_trace_number=digits(15),
    return_settlement_day=days_of_year,
    return_reason_code=reasons,
    addenda_information=texts(21),
)
contested_returns = st.builds(
    ContestedReturn,
    contested_return_reason_code=st.sampled_from(sorted(CONTESTED_REASONS)),
    original_trace_number=digits(15),
    returned_on=dates,
    original_receiving_dfi=eights,
    original_settlement_day=days_of_year,
    return_trace_number=digits(15),
    return_settlement_day=days_of_year,
    return_reason_code=reasons,
    dishonored_return_trace_number=digits(15),
    dishonored_return_settlement_day=days_of_year,
    dishonored_return_reason_code=reasons,
)
changes = st.builds(
    NotificationOfChange,
    change_code=st.sampled_from(sorted(CHANGE_REASONS)),
    original_trace_number=digits(15),
    original_receiving_dfi=eights,
    corrected_data=texts(29, mandatory=True),
)

# What each kind of batch holds: its entry classes, transaction codes and addenda.
FORWARD_CLASSES = (EntryClass.PPD, EntryClass.CCD, EntryClass.WEB)
KINDS: tuple[tuple[tuple[EntryClass, ...], frozenset[TransactionCode], st.SearchStrategy[Addenda | None]], ...] = (
    (FORWARD_CLASSES, FORWARD, st.none() | payment_information),
    (FORWARD_CLASSES, RETURNS, returns() | dishonored_returns | contested_returns),
    ((EntryClass.COR,), RETURNS, changes),
)


@st.composite
def batches(draw: Callable[..., Any], number: int) -> Batch:
    classes, codes, addenda = draw(st.sampled_from(KINDS))
    service_class = draw(st.sampled_from(ServiceClass))
    allowed = {
        ServiceClass.MIXED: codes,
        ServiceClass.DEBITS: codes & DEBITS,
        ServiceClass.CREDITS: codes - DEBITS,
    }[service_class]
    header = BatchHeader(
        service_class=service_class,
        company_name=draw(texts(16, mandatory=True)),
        company_identification=draw(texts(10, mandatory=True)),
        standard_entry_class=draw(st.sampled_from(classes)),
        company_entry_description=draw(texts(10, mandatory=True)),
        effective_entry_date=draw(dates),
        originating_dfi_identification=draw(eights),
        batch_number=number,
        company_discretionary_data=draw(texts(20)),
        company_descriptive_date=draw(texts(6)),
        settlement_day=draw(st.none() | days_of_year),
        originator_status_code=draw(st.integers(0, 2)),
    )
    entries = []
    for sequence in sorted(draw(st.sets(st.integers(1, 9_999_999), min_size=1, max_size=4))):
        code = draw(st.sampled_from(sorted(allowed)))
        is_money = code in FORWARD - PRENOTES
        is_zero = code in PRENOTES or header.standard_entry_class is EntryClass.COR
        entries.append(
            EntryDetail(
                transaction_code=code,
                routing_number=draw(routing_numbers),
                account_number=draw(texts(17, mandatory=True)),
                amount_minor=0 if is_zero else draw(st.integers(int(is_money), 9_999_999_999)),
                individual_name=draw(texts(22, mandatory=True)),
                trace_number=trace_number(header.originating_dfi_identification, sequence),
                individual_identification_number=draw(texts(15)),
                discretionary_data=draw(texts(2)),
                addenda=draw(addenda),
            )
        )
    return Batch(header=header, entries=tuple(entries))


@st.composite
def files(draw: Callable[..., Any], batches_max: int = 3) -> NachaFile:
    numbers = sorted(draw(st.sets(st.integers(1, 9_999_999), min_size=1, max_size=batches_max)))
    return NachaFile(header=draw(headers), batches=tuple(draw(batches(number)) for number in numbers))
