"""The rules of one batch, checked record by record, whoever wrote them."""

from __future__ import annotations

from rails.nacha.addenda import BANK_DIGITS, Addenda, NotificationOfChange, PaymentInformation, read_addenda
from rails.nacha.batch_control import BatchControl
from rails.nacha.batch_header import BatchHeader
from rails.nacha.codes import DEBITS, FORWARD, PRENOTES, RETURNS, TRANSACTION_CODES, EntryClass, ServiceClass
from rails.nacha.contents import Placed
from rails.nacha.entry_detail import EntryDetail, check_digit_fits
from rails.nacha.faults import Fault, Rule
from rails.nacha.layout import Layout
from rails.nacha.return_addenda import ContestedReturn, DishonoredReturn, Return
from rails.nacha.return_codes import DECEASED
from rails.nacha.totals import Totals

_ENTRY = EntryDetail.LAYOUT
_CONTROL = BatchControl.LAYOUT
_MONEY = FORWARD - PRENOTES
# What a service class has no room for.
_FOREIGN = {
    ServiceClass.MIXED: frozenset(),
    ServiceClass.CREDITS: DEBITS,
    ServiceClass.DEBITS: frozenset(TRANSACTION_CODES.values()) - DEBITS,
}


class OpenEntry:
    """An entry that may still be followed by its addenda record."""

    __slots__ = ("addenda", "addenda_records", "columns", "line_number")

    def __init__(self, line_number: int, columns: tuple[str, ...]) -> None:
        self.line_number = line_number
        self.columns = columns
        self.addenda: Addenda | None = None
        self.addenda_records = 0

    @property
    def trace_number(self) -> str:
        return self.columns[9]


class BatchExamination:
    """Takes the records of one batch and puts what they give into `found`: the entries, and faults.

    `header` is None when it cannot be read; `is_whole` is False once a record is lost, and then no sum is judged.
    """

    def __init__(self, found: list[Placed | Fault], header: BatchHeader | None = None) -> None:
        self.found = found
        self.totals = Totals()
        self.is_whole = True
        self._is_of_returns: bool | None = None
        self._open: OpenEntry | None = None
        self._last_trace = ""
        self.begin(header)

    def begin(self, header: BatchHeader | None) -> None:
        """Judge what follows by this header."""
        self._header = header
        self._foreign = frozenset() if header is None else _FOREIGN[header.service_class]
        self._is_of_changes = header is not None and header.standard_entry_class is EntryClass.COR

    def lose(self) -> None:
        """A record of this batch could not be read; addenda records behind it belong to nothing that is known."""
        self.is_whole = False
        self._close_entry(is_complete=False)

    def close(self) -> None:
        """No record of this batch is left."""
        self._close_entry()

    def take_entry(self, line: str, line_number: int) -> None:
        """Take a record 6; raises BrokenRecord."""
        self._close_entry()
        columns = _ENTRY.columns(line, line_number)
        self._open = OpenEntry(line_number, columns)
        code, amount_minor, trace = TRANSACTION_CODES[columns[0]], int(columns[4]), columns[9]
        totals = self.totals
        totals.entry_addenda_count += 1
        totals.receiving_dfi_sum += int(columns[1])
        if code in DEBITS:
            totals.debit_minor += amount_minor
        else:
            totals.credit_minor += amount_minor
        if not check_digit_fits(columns[1] + columns[2]):
            self._fault(line_number, _ENTRY, "check_digit", Rule.CHECK_DIGIT, "is not that of the 8 digits before it")
        if code in self._foreign:
            detail = "is not of the batch's service class"
            self._fault(line_number, _ENTRY, "transaction_code", Rule.SERVICE_CLASS, detail)
        if amount_minor:
            if code in PRENOTES or self._is_of_changes:
                detail = "must be zero: prenotes and notifications of change move no money"
                self._fault(line_number, _ENTRY, "amount", Rule.ZERO_AMOUNT, detail)
        elif code in _MONEY:
            self._fault(line_number, _ENTRY, "amount", Rule.ZERO_AMOUNT, "must be more than zero")
        self._check_trace(trace, line_number)
        is_return = code in RETURNS
        if self._is_of_returns is None:
            self._is_of_returns = is_return
        elif self._is_of_returns is not is_return:
            detail = "a batch holds either forward entries or what comes back, not both"
            self._fault(line_number, _ENTRY, "transaction_code", Rule.BATCH_MIXED, detail)

    def take_addenda(self, line: str, line_number: int) -> None:
        """Take a record 7; raises BrokenRecord."""
        self.totals.entry_addenda_count += 1
        entry = self._open
        if entry is None and self.is_whole:
            detail = "an addenda record (7) must follow an entry (6)"
            self._fault(line_number, _ENTRY, "record_type_code", Rule.RECORD_ORDER, detail)
            return
        if entry is not None:
            entry.addenda_records += 1
            if entry.addenda_records > 1:
                detail = "an entry of PPD, CCD, WEB or COR has at most one addenda record"
                self._fault(line_number, PaymentInformation.LAYOUT, "record_type_code", Rule.ADDENDA_COUNT, detail)
                return
        addenda, trace = read_addenda(line, line_number)
        if entry is not None:
            entry.addenda = addenda
            self._check_addenda(addenda, trace, entry, line_number)

    def take_control(self, line: str, line_number: int) -> BatchControl:
        """Take the record 8 and return it; raises BrokenRecord."""
        self._close_entry()
        control = BatchControl.read(line, line_number)
        if self._header is not None:
            self._check_agreement(self._header, control, line_number)
        if not self.is_whole:
            return control
        if not self.totals.entry_addenda_count:
            self._fault(line_number, _CONTROL, "record_type_code", Rule.BATCH_EMPTY, "a batch has at least one entry")
        totals = self.totals
        for field, rule, said, right in (
            ("entry_addenda_count", Rule.ENTRY_ADDENDA_COUNT, control.entry_addenda_count, totals.entry_addenda_count),
            ("entry_hash", Rule.ENTRY_HASH, control.entry_hash, totals.entry_hash),
            ("total_debit_entry_dollar_amount", Rule.TOTAL_DEBIT, control.total_debit_minor, totals.debit_minor),
            ("total_credit_entry_dollar_amount", Rule.TOTAL_CREDIT, control.total_credit_minor, totals.credit_minor),
        ):
            if said != right:
                self._fault(line_number, _CONTROL, field, rule, f"is {said}; the batch gives {right}")
        return control

    def _check_trace(self, trace: str, line_number: int) -> None:
        header = self._header
        if header is not None and not trace.startswith(header.originating_dfi_identification):
            detail = "must begin with the batch's originating DFI identification"
            self._fault(line_number, _ENTRY, "trace_number", Rule.TRACE_ODFI, detail)
        if trace <= self._last_trace:
            detail = "must be greater than that of the entry before"
            self._fault(line_number, _ENTRY, "trace_number", Rule.TRACE_ORDER, detail)
        self._last_trace = trace

    def _check_addenda(self, addenda: Addenda, trace: str, entry: OpenEntry, line_number: int) -> None:
        layout = addenda.LAYOUT
        if isinstance(addenda, PaymentInformation):
            if trace != entry.trace_number[BANK_DIGITS:]:
                detail = "must be the last 7 digits of the entry's trace number"
                self._fault(line_number, layout, "entry_detail_sequence_number", Rule.ADDENDA_TRACE, detail)
            return
        if trace != entry.trace_number:
            detail = "must be the entry's trace number"
            self._fault(line_number, layout, "trace_number", Rule.ADDENDA_TRACE, detail)
        if isinstance(addenda, Return) and addenda.date_of_death and addenda.return_reason_code not in DECEASED:
            detail = "must be blank, but for R14 and R15"
            self._fault(line_number, layout, "date_of_death", Rule.DATE_OF_DEATH, detail)

    def _check_agreement(self, header: BatchHeader, control: BatchControl, line_number: int) -> None:
        for field, said, right in (
            ("service_class_code", control.service_class, header.service_class),
            ("company_identification", control.company_identification, header.company_identification),
            (
                "originating_dfi_identification",
                control.originating_dfi_identification,
                header.originating_dfi_identification,
            ),
            ("batch_number", control.batch_number, header.batch_number),
        ):
            if said != right:
                self._fault(line_number, _CONTROL, field, Rule.CONTROL_AGREES, "must be that of the batch header")

    def _close_entry(self, *, is_complete: bool = True) -> None:
        entry = self._open
        if entry is None:
            return
        self._open = None
        columns = entry.columns
        if (columns[8] == "1") is not (entry.addenda_records > 0):
            # What was lost may have been the addenda record that is missing.
            if is_complete:
                detail = "must be 1 when an addenda record follows, and 0 otherwise"
                self._fault(entry.line_number, _ENTRY, "addenda_record_indicator", Rule.ADDENDA_INDICATOR, detail)
        # An addenda record that could not be read has told its own faults.
        elif entry.addenda is not None or not entry.addenda_records:
            self._check_kind(TRANSACTION_CODES[columns[0]] in RETURNS, entry.addenda, entry.line_number)
            self.found.append(Placed(entry.line_number, EntryDetail.of(columns, entry.addenda)))

    def _check_kind(self, is_return: bool, addenda: Addenda | None, line_number: int) -> None:
        if self._is_of_changes:
            fits = is_return and isinstance(addenda, NotificationOfChange)
            detail = "a notification of change (COR) is 21, 26, 31 or 36 with addenda 98"
        elif is_return:
            fits = isinstance(addenda, Return | DishonoredReturn | ContestedReturn)
            # Under a header that could not be read, it may be a notification of change.
            fits = fits or (self._header is None and isinstance(addenda, NotificationOfChange))
            detail = "an entry that comes back has addenda 99"
        else:
            fits = addenda is None or isinstance(addenda, PaymentInformation)
            detail = "a forward entry has addenda 05 or none"
        if not fits:
            self._fault(line_number, _ENTRY, "transaction_code", Rule.ADDENDA_TYPE, detail)

    def _fault(self, line_number: int, layout: Layout, field: str, rule: Rule, detail: str) -> None:
        self.found.append(layout.fault(line_number, field, rule, detail))
