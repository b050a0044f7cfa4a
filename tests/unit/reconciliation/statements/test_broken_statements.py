"""Every kind of broken statement is refused with the line, the field and the rule."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciliation.statements.faults import Fault, InvalidStatement, Rule
from reconciliation.statements.reader import read_statements
from tests.contract import statement_contents

Lines = list[str]
Edit = Callable[[Lines], None]

FOLDER = Path(statement_contents.__file__).parent / "statement_files"


def put(line: int, old: str, new: str) -> Edit:
    """Write `new` for the first `old` on a line, from 1."""

    def edit(lines: Lines) -> None:
        assert old in lines[line - 1], lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new, 1)

    return edit


def drop(first: int, last: int = 0) -> Edit:
    """Take lines away, the last one with them."""

    def edit(lines: Lines) -> None:
        del lines[first - 1 : last or first]

    return edit


def add(line: int, *more: str) -> Edit:
    """Put lines behind a line."""

    def edit(lines: Lines) -> None:
        lines[line:line] = more

    return edit


def again(first: int, last: int) -> Edit:
    """Put lines behind themselves once more."""
    return lambda lines: lines.__setitem__(slice(last, last), lines[first - 1 : last])


def move(first: int, last: int, behind: int) -> Edit:
    """Move lines behind a later line."""

    def edit(lines: Lines) -> None:
        moved = lines[first - 1 : last]
        lines[behind:behind] = moved
        del lines[first - 1 : last]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(lines: Lines) -> None:
        for each in edits:
            each(lines)

    return edit


# Why, what is done to the golden file, and the fault: line, field, rule.
Broken = tuple[str, Edit, int, str, Rule]

# Lines 8 to 22 are the head of the first statement, 23 and 35 its balances, 47 its totals, 65 its first entry, 103 an
# entry with a batch (127) of two payments (133, 145).
CAMT: list[Broken] = [
    ("not well-formed", put(9, "</Id>", "</ID>"), 9, "XML", Rule.XML),
    ("an undeclared entity", put(66, "1", "&rent;"), 66, "XML", Rule.XML),
    ("another encoding", put(1, "UTF-8", "windows-1252"), 1, "XML", Rule.CHARACTERS),
    ("not the encoding it says", put(1, "UTF-8", "US-ASCII"), 98, "XML", Rule.XML),
    ("a document type", add(1, "<!DOCTYPE Document>"), 2, "DOCTYPE", Rule.DOCTYPE),
    ("another message", put(2, "camt.053", "camt.052"), 2, "Document", Rule.VERSION),
    ("another version", put(2, "001.08", "001.99"), 2, "Document", Rule.VERSION),
    ("no namespace", put(2, "xmlns=", "from="), 2, "Document", Rule.VERSION),
    ("cut off", drop(200, 10_000), 200, "XML", Rule.TRUNCATED),
    ("no statement", lambda lines: lines.__setitem__(slice(7, -2), []), 1, "Stmt", Rule.MANDATORY),
    ("nested too deep", add(8, "<Prtry>" * 70), 9, "XML", Rule.TOO_LARGE),
    ("no statement id", drop(9), 8, "Stmt/Id", Rule.MANDATORY),
    ("an empty statement id", put(9, "123456789-261201", " "), 8, "Stmt/Id", Rule.MANDATORY),
    ("a long statement id", put(9, "<Id>", "<Id>" + "x" * 20), 9, "Stmt/Id", Rule.WIDTH),
    ("a statement id of elements", put(9, "123456789-261201", "<Prtry>1</Prtry>"), 9, "Stmt/Id", Rule.FORMAT),
    ("a statement id twice", again(9, 9), 10, "Stmt/Id", Rule.REPEATED),
    (
        "a statement twice",
        both(put(310, "987654321", "123456789"), put(319, "987654321", "123456789")),
        310,
        "Stmt/Id",
        Rule.DUPLICATE,
    ),
    ("no account", drop(15, 22), 8, "Stmt/Acct/Id/Othr/Id", Rule.MANDATORY),
    ("30 February", put(12, "12-01", "02-30"), 12, "Stmt/FrToDt/FrDtTm", Rule.DATE),
    ("a day without a time", put(12, "T00:00:00", ""), 12, "Stmt/FrToDt/FrDtTm", Rule.DATE),
    ("a period that ends before it begins", put(12, "12-01", "12-02"), 13, "Stmt/FrToDt", Rule.PERIOD),
    ("an account in no currency", put(21, "USD", "USX"), 21, "Stmt/Acct/Ccy", Rule.CURRENCY),
    ("a balance in no currency", put(29, "USD", "usd"), 29, "Stmt/Bal/Amt/@Ccy", Rule.CURRENCY),
    ("a balance in another currency", put(41, "USD", "EUR"), 41, "Stmt/Bal/Amt/@Ccy", Rule.CURRENCY_AGREES),
    ("no opening balance", drop(23, 34), 8, "Stmt/Bal", Rule.MISSING_BALANCE),
    ("no closing balance", drop(35, 46), 8, "Stmt/Bal", Rule.MISSING_BALANCE),
    ("only an interim closing balance", put(38, "CLBD", "ITBD"), 8, "Stmt/Bal", Rule.MISSING_BALANCE),
    ("a balance twice", again(23, 34), 35, "Stmt/Bal/Tp/CdOrPrtry/Cd", Rule.REPEATED),
    ("a balance without a direction", drop(30), 23, "Stmt/Bal/CdtDbtInd", Rule.MANDATORY),
    ("a balance without a day", drop(31, 33), 23, "Stmt/Bal/Dt", Rule.MANDATORY),
    ("a balance behind the entries", move(23, 34, 102), 8, "Stmt/Bal", Rule.MISSING_BALANCE),
    ("totals behind the entries", move(47, 64, 102), 85, "Stmt/TxsSummry", Rule.ORDER),
    ("a closing balance that does not follow", put(41, "61.86", "61.87"), 41, "Stmt/Bal/Amt", Rule.BALANCE),
    ("an opening balance of a debtor", put(30, "CRDT", "DBIT"), 41, "Stmt/Bal/Amt", Rule.BALANCE),
    ("an entry that does not count", put(70, "BOOK", "PDNG"), 41, "Stmt/Bal/Amt", Rule.BALANCE),
    ("entries of the totals", put(49, "6", "7"), 49, "Stmt/TxsSummry/TtlNtries/NbOfNtries", Rule.COUNT),
    ("sum of the totals", put(50, ".16", ".17"), 50, "Stmt/TxsSummry/TtlNtries/Sum", Rule.SUM),
    ("net of the totals", put(52, ".14", ".15"), 52, "Stmt/TxsSummry/TtlNtries/TtlNetNtry/Amt", Rule.SUM),
    ("direction of the net", put(53, "DBIT", "CRDT"), 52, "Stmt/TxsSummry/TtlNtries/TtlNetNtry/Amt", Rule.SUM),
    ("credits of the totals", put(57, "3", "2"), 57, "Stmt/TxsSummry/TtlCdtNtries/NbOfNtries", Rule.COUNT),
    ("no number of debits", put(61, "3", "three"), 61, "Stmt/TxsSummry/TtlDbtNtries/NbOfNtries", Rule.FORMAT),
    ("sum of debits", put(62, ".15", ".16"), 62, "Stmt/TxsSummry/TtlDbtNtries/Sum", Rule.SUM),
    ("an entry without an amount", drop(67), 65, "Stmt/Ntry/Amt", Rule.MANDATORY),
    ("an amount twice", again(67, 67), 68, "Stmt/Ntry/Amt", Rule.REPEATED),
    ("a negative amount", put(67, "1500", "-1500"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("an amount with a comma", put(67, "1500.00", "1500,00"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("an amount with an exponent", put(67, "1500.00", "15e2"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("an amount of full-width digits", put(67, "1500.00", "１５００"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("six decimals", put(67, "1500.00", "1500.000000"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("19 digits", put(67, "1500.00", "1" * 17 + ".00"), 67, "Stmt/Ntry/Amt", Rule.AMOUNT),
    ("a fifth of a cent", put(67, "1500.00", "1500.00200"), 67, "Stmt/Ntry/Amt", Rule.MINOR_UNITS),
    ("half a yen", put(388, ">0<", ">0.5<"), 388, "Stmt/Bal/Amt", Rule.MINOR_UNITS),
    ("an amount in no currency", put(67, ' Ccy="USD"', ""), 67, "Stmt/Ntry/Amt/@Ccy", Rule.MANDATORY),
    ("an amount in another currency", put(67, "USD", "CAD"), 67, "Stmt/Ntry/Amt/@Ccy", Rule.CURRENCY_AGREES),
    ("no direction", drop(68), 65, "Stmt/Ntry/CdtDbtInd", Rule.MANDATORY),
    ("no such direction", put(68, "CRDT", "CRED"), 68, "Stmt/Ntry/CdtDbtInd", Rule.CODE),
    ("no status", drop(69, 71), 65, "Stmt/Ntry/Sts/Cd", Rule.MANDATORY),
    ("no such status", put(70, "BOOK", "DONE"), 70, "Stmt/Ntry/Sts/Cd", Rule.CODE),
    ("no such reversal", add(68, "<RvslInd>yes</RvslInd>"), 69, "Stmt/Ntry/RvslInd", Rule.CODE),
    ("booked on no day", drop(72, 74), 65, "Stmt/Ntry/BookgDt", Rule.MANDATORY),
    ("booked on 31 November", put(73, "12-01", "11-31"), 73, "Stmt/Ntry/BookgDt/Dt", Rule.DATE),
    ("an American day", put(76, "2026-12-01", "12/01/2026"), 76, "Stmt/Ntry/ValDt/Dt", Rule.DATE),
    ("a long end-to-end id", put(92, ":1", ":1000"), 92, "Stmt/Ntry/NtryDtls/TxDtls/Refs/EndToEndId", Rule.WIDTH),
    (
        "a text in a hundred pieces and one",
        add(141, *["<Ustrd>rent</Ustrd>"] * 100),
        242,
        "Stmt/Ntry/NtryDtls/TxDtls/RmtInf/Ustrd",
        Rule.TOO_LARGE,
    ),
    ("payments of a batch", put(129, "2", "3"), 129, "Stmt/Ntry/NtryDtls/Btch/NbOfTxs", Rule.COUNT),
    ("sum of a batch", put(130, ".65", ".66"), 130, "Stmt/Ntry/NtryDtls/Btch/TtlAmt", Rule.SUM),
    ("a payment of a batch", put(139, "1500.00", "1500.01"), 130, "Stmt/Ntry/NtryDtls/Btch/TtlAmt", Rule.SUM),
]

# Lines 3 and 4 are the first account, 5 to 7 its first entry, 8 one with a value date, 14 its trailer; 15 to 17 the
# second account, 18 the group's trailer, 25 the file's.
BAI2: list[Broken] = [
    ("no such record", put(5, "16", "17"), 5, "record code", Rule.CODE),
    ("a line without fields", put(5, ",", ";"), 5, "record code", Rule.CODE),
    ("cut off", drop(25), 24, "record code", Rule.TRUNCATED),
    ("cut off in an account", drop(12, 30), 11, "record code", Rule.TRUNCATED),
    ("a control character", put(9, "funds", "fun\x07s"), 9, "line", Rule.CHARACTERS),
    ("no group", drop(2), 2, "record code", Rule.ORDER),
    ("no account", drop(3, 17), 3, "record code", Rule.ORDER),
    ("no account trailer", drop(14), 14, "record code", Rule.ORDER),
    ("no group trailer", drop(18), 18, "record code", Rule.ORDER),
    ("a file header twice", again(1, 1), 2, "record code", Rule.ORDER),
    ("a record behind the end", add(25, "99,0,0,2/"), 26, "record code", Rule.ORDER),
    ("BAI version 1", put(1, ",2/", ",1/"), 1, "01/version", Rule.VERSION),
    ("no sender", put(1, "121042882", ""), 1, "01/sender", Rule.MANDATORY),
    ("fields without a slash", put(1, ",2/", ",2"), 1, "01/version", Rule.FORMAT),
    ("a field too many", put(1, ",2/", ",2,3/"), 1, "01/end", Rule.FORMAT),
    ("created on no day", put(1, "261202", "261232"), 1, "01/creation date", Rule.DATE),
    ("a deletion", put(2, ",1,261201", ",2,261201"), 2, "02/status", Rule.CODE),
    ("an interim report", put(2, ",2/", ",3/"), 2, "02/as-of date modifier", Rule.CODE),
    ("a day of ISO 8601", put(2, "261201", "2026-12-01"), 2, "02/as-of date", Rule.DATE),
    ("a group in no currency", put(2, ",,,2/", ",,US,2/"), 2, "02/currency", Rule.CURRENCY),
    ("an account without a number", put(3, "123456789", ""), 3, "03/account number", Rule.MANDATORY),
    ("an account in no currency", put(3, "USD", "DOL"), 3, "03/currency", Rule.CURRENCY),
    ("an account twice", put(15, "987654321", "123456789"), 15, "03/account number", Rule.DUPLICATE),
    ("no opening balance", put(3, "010", "040"), 3, "03/010", Rule.MISSING_BALANCE),
    ("no closing balance", put(3, "015", "045"), 3, "03/015", Rule.MISSING_BALANCE),
    ("an opening balance twice", put(3, "015", "010"), 3, "03/010", Rule.REPEATED),
    ("a balance with a decimal point", put(3, "826186", "8261.86"), 3, "03/amount", Rule.AMOUNT),
    ("an amount without a type code", put(3, "010", ""), 3, "03/type code", Rule.MANDATORY),
    ("a type code of letters", put(4, "100", "CRD"), 4, "03/type code", Rule.CODE),
    ("an item count of letters", put(4, ",3,", ",x,"), 4, "03/item count", Rule.FORMAT),
    ("no type code", put(5, "142", ""), 5, "16/type code", Rule.MANDATORY),
    ("a balance as an entry", put(5, "142", "015"), 5, "16/type code", Rule.CODE),
    ("a loan", put(5, "142", "720"), 5, "16/type code", Rule.CODE),
    ("no amount", put(5, "150000", ""), 5, "16/amount", Rule.MANDATORY),
    ("a negative amount", put(5, "150000", "-150000"), 5, "16/amount", Rule.FORMAT),
    ("no such funds type", put(5, ",0,", ",X,"), 5, "16/funds type", Rule.CODE),
    ("no value date", put(8, "261202", ""), 8, "16/value date", Rule.MANDATORY),
    ("valued on no day", put(8, "261202", "261301"), 8, "16/value date", Rule.DATE),
    ("parts that are not the amount", put(5, ",0,", ",S,100000,0,49999,"), 5, "16/funds type", Rule.FUNDS),
    ("distributed parts", put(5, ",0,", ",D,2,0,100000,1,49999,"), 5, "16/funds type", Rule.FUNDS),
    ("distributed over years", put(5, ",0,", ",D,1000,"), 5, "16/distributions", Rule.TOO_LARGE),
    ("another amount", put(5, "150000", "150001"), 14, "49/control total", Rule.CONTROL_TOTAL),
    ("an entry lost", drop(12), 13, "49/control total", Rule.CONTROL_TOTAL),
    ("a continuation lost", drop(7), 13, "49/number of records", Rule.RECORD_COUNT),
    ("records of an account", put(14, ",12/", ",13/"), 14, "49/number of records", Rule.RECORD_COUNT),
    ("control total of a group", put(18, "2774208", "2774209"), 18, "98/control total", Rule.CONTROL_TOTAL),
    ("accounts of a group", put(18, ",2,17/", ",3,17/"), 18, "98/number of accounts", Rule.COUNT),
    ("records of a group", put(18, ",17/", ",18/"), 18, "98/number of records", Rule.RECORD_COUNT),
    ("control total of a file", put(25, "2778708", "2778709"), 25, "99/control total", Rule.CONTROL_TOTAL),
    ("groups of a file", put(25, ",2,25/", ",1,25/"), 25, "99/number of groups", Rule.COUNT),
    ("records of a file", put(25, ",25/", ",26/"), 25, "99/number of records", Rule.RECORD_COUNT),
    (
        "a closing balance that does not follow",
        both(put(3, "826186", "826187"), put(14, "2774218", "2774219")),
        3,
        "03/015",
        Rule.BALANCE,
    ),
    ("sum of the credits", both(put(4, "150101", "150102"), put(14, "18,", "19,")), 4, "03/100", Rule.SUM),
    ("number of the debits", put(4, "323915,3", "323915,4"), 4, "03/400", Rule.COUNT),
    (
        "number of the credits",
        both(put(4, "100,150101", "102,2,,,100,150101"), put(14, "2774218", "2774220")),
        4,
        "03/102",
        Rule.COUNT,
    ),
]

# Lines 2 and 3 are the first statement's balances, 4 its first entry, 5 one with a batch (6) of two payments (7, 8), 13
# its end; 21 is the table's.
CSV: list[Broken] = [
    ("another header", put(1, "currency", "ccy"), 1, "header", Rule.FORMAT),
    ("a cell too few", put(4, ",,,", ",,"), 4, "row", Rule.FORMAT),
    ("an open quote", put(4, 'Alice"', "Alice"), 4, "row", Rule.FORMAT),
    ("no such row", put(4, "entry", "booking"), 4, "row", Rule.CODE),
    ("a row twice", again(2, 2), 3, "row", Rule.ORDER),
    ("a payment of no batch", drop(6), 6, "row", Rule.ORDER),
    ("cut off behind a statement", drop(14, 30), 13, "row", Rule.TRUNCATED),
    ("a row behind the end", again(21, 21), 22, "row", Rule.ORDER),
    ("no account", put(2, "123456789,", ","), 2, "account", Rule.MANDATORY),
    ("an account in no currency", put(2, "USD", "XXX"), 2, "currency", Rule.CURRENCY),
    ("a cell of another row", put(3, "closing,,", "closing,123456789,"), 3, "account", Rule.FORMAT),
    ("a statement twice", both(again(2, 13), put(33, ",3", ",4")), 14, "statement_id", Rule.DUPLICATE),
    ("a period that ends before it begins", put(3, "12-01", "11-30"), 3, "date", Rule.PERIOD),
    ("31 November", put(4, "2026-12-01", "2026-11-31"), 4, "date", Rule.DATE),
    ("a day without hyphens", put(4, "12-01,2026-12-01", "12-01,20261201"), 4, "value_date", Rule.DATE),
    ("no amount", put(4, "1500.00", ""), 4, "amount", Rule.MANDATORY),
    ("an amount with a sign", put(4, "1500.00", "-1500.00"), 4, "amount", Rule.AMOUNT),
    ("a tenth of a cent", put(4, "1500.00", "1500.001"), 4, "amount", Rule.MINOR_UNITS),
    ("a long reference", put(4, "BK-1000", "BK-1000" * 6), 4, "reference", Rule.WIDTH),
    ("no such direction", put(4, "credit", "Credit"), 4, "direction", Rule.CODE),
    ("no such reversal", put(12, "yes", "maybe"), 12, "reversal", Rule.CODE),
    ("payments of a batch", put(6, "A,,2", "A,,1"), 6, "count", Rule.COUNT),
    ("sum of a batch", put(6, "2487.65", "2487.66"), 6, "amount", Rule.SUM),
    ("entries of a statement", put(13, ",6", ",7"), 13, "count", Rule.COUNT),
    ("statements of a table", put(21, ",3", ",2"), 21, "count", Rule.COUNT),
    ("a closing balance that does not follow", put(3, "8261.86", "8261.85"), 3, "amount", Rule.BALANCE),
]

BROKEN = [("v08.xml", *each) for each in CAMT] + [("bai2", *each) for each in BAI2] + [("csv", *each) for each in CSV]


def broken(ending: str, edit: Edit) -> bytes:
    lines = (FOLDER / f"day.{ending}").read_text(encoding="utf-8").splitlines()
    edit(lines)
    return "".join(line + "\n" for line in lines).encode("utf-8")


def fault_of(data: bytes) -> Fault:
    with pytest.raises(InvalidStatement) as refused:
        list(read_statements(io.BytesIO(data)))
    return refused.value.fault


@pytest.mark.parametrize(
    ("ending", "edit", "line", "field", "rule"),
    [(each[0], *each[2:]) for each in BROKEN],
    ids=[f"{each[0]}: {each[1]}" for each in BROKEN],
)
def test_it_is_refused_by_line_field_and_rule(ending: str, edit: Edit, line: int, field: str, rule: Rule) -> None:
    fault = fault_of(broken(ending, edit))
    assert (fault.line, fault.field, fault.rule) == (line, field, rule), fault.detail


def test_every_rule_is_broken_here() -> None:
    # What no format claims is none of these files any more.
    assert {each[-1] for each in BROKEN} == set(Rule) - {Rule.UNKNOWN_FORMAT}


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b":20:STARTUMSE\r\n", b"%PDF-1.7", b"\xef\xbb\xbf", b"02,,,1,/"])
def test_what_is_no_statement_is_refused_as_such(data: bytes) -> None:
    fault = fault_of(data)
    assert (fault.line, fault.field, fault.rule) == (1, "file", Rule.UNKNOWN_FORMAT)


def test_a_statement_on_one_line_is_refused_by_column() -> None:
    data = broken("v08.xml", put(67, "1500.00", "1500.001")).replace(b"\n", b"")
    fault = fault_of(data)
    assert (fault.line, fault.rule) == (1, Rule.MINOR_UNITS)
    assert data[: (fault.column or 0) - 1].endswith(b"<NtryRef>1</NtryRef>")


def test_faults_do_not_quote_accounts_references_or_texts() -> None:
    told = " ".join(str(fault_of(broken(ending, edit))) for ending, _, edit, *_ in BROKEN)
    assert not any(secret in told for secret in ("123456789", "BK-1000", "555545558", "Zoë", "09140060"))


def test_a_record_with_too_many_continuations_is_refused() -> None:
    fault = fault_of(broken("bai2", add(6, *["88,more"] * 1000)))
    assert (fault.line, fault.field, fault.rule) == (1005, "record code", Rule.TOO_LARGE)
