"""Statements as other banks write them, by hand: what is read in them, or why they are not read."""

from __future__ import annotations

from datetime import date

import pytest

from reconciliation.statements.faults import Rule
from reconciliation.statements.values import Batch, BatchItem, Direction, Entry, Statement
from tests.unit.reconciliation.statements.bank_files import read
from tests.unit.reconciliation.statements.test_broken_statements import fault_of

DAY = date(2026, 12, 1)

# Version 2 as European banks write it: an IBAN, days with times, a previous closing balance, five decimals, one line.
EUROPEAN = """<?xml version='1.0' encoding='ISO-8859-1' standalone='yes'?><!-- of the bank's own making -->
<d:Document xmlns:d="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02" xmlns:x="urn:bank"><d:BkToCstmrStmt><d:GrpHdr>
<d:MsgId>4711</d:MsgId><d:CreDtTm>2026-12-01T23:00:00.000+01:00</d:CreDtTm></d:GrpHdr><d:Stmt><d:Id>2026/335</d:Id>
<d:CreDtTm>2026-12-01T23:00:00+01:00</d:CreDtTm><d:Acct><d:Id><d:IBAN>DE89370400440532013000</d:IBAN></d:Id><d:Ownr>
<d:Nm>M\xfcller</d:Nm></d:Ownr></d:Acct>
<d:Bal><d:Tp><d:CdOrPrtry><d:Cd>PRCD</d:Cd></d:CdOrPrtry></d:Tp><d:Amt Ccy="EUR">100.5</d:Amt><d:CdtDbtInd>DBIT
</d:CdtDbtInd><d:Dt><d:Dt>2026-11-30Z</d:Dt></d:Dt></d:Bal>
<d:Bal><d:Tp><d:CdOrPrtry><d:Prtry>LIMIT</d:Prtry></d:CdOrPrtry></d:Tp><d:Amt Ccy="EUR">5000</d:Amt><d:CdtDbtInd>CRDT
</d:CdtDbtInd><d:Dt><d:Dt>2026-12-01</d:Dt></d:Dt></d:Bal>
<d:Bal><d:Tp><d:CdOrPrtry><d:Cd>CLBD</d:Cd></d:CdOrPrtry></d:Tp><d:Amt Ccy="EUR">.25000</d:Amt><d:CdtDbtInd>CRDT
</d:CdtDbtInd><d:Dt><d:DtTm>2026-12-01T24:00:00</d:DtTm></d:Dt></d:Bal>
<d:TxsSummry><d:TtlNtries><d:NbOfNtries>9</d:NbOfNtries></d:TtlNtries></d:TxsSummry>
<d:Ntry><d:Amt Ccy="EUR">100.75000</d:Amt><d:CdtDbtInd>CRDT</d:CdtDbtInd><d:RvslInd>1</d:RvslInd><d:Sts>BOOK</d:Sts>
<d:BookgDt><d:DtTm>2026-12-01T09:30:00.123+01:00</d:DtTm></d:BookgDt><d:AcctSvcrRef/><d:BkTxCd><d:Prtry>
<d:Cd>NTRF+166</d:Cd><d:Issr>DK</d:Issr></d:Prtry></d:BkTxCd><d:NtryDtls><d:TxDtls><d:Refs>
<d:EndToEndId>NOTPROVIDED</d:EndToEndId></d:Refs><d:AmtDtls><d:TxAmt>
<d:Amt Ccy="USD">117.00</d:Amt></d:TxAmt></d:AmtDtls>
<d:RmtInf><d:Ustrd>Miete</d:Ustrd><d:Ustrd><![CDATA[Dezember <1>]]></d:Ustrd>
<d:Strd><d:CdtrRefInf><d:Ref>RF18539007547034</d:Ref></d:CdtrRefInf></d:Strd></d:RmtInf></d:TxDtls></d:NtryDtls>
<x:Ntry><x:Amt Ccy="EUR">1.00</x:Amt></x:Ntry><d:AddtlNtryInf>GUTSCHRIFT</d:AddtlNtryInf></d:Ntry>
<d:Ntry><d:NtryRef>2</d:NtryRef><d:Amt Ccy="EUR">7</d:Amt><d:CdtDbtInd>DBIT</d:CdtDbtInd><d:Sts>PDNG</d:Sts><d:BkTxCd/>
</d:Ntry></d:Stmt></d:BkToCstmrStmt></d:Document>"""

EUROPEAN_ENTRIES = (
    Entry(
        direction=Direction.CREDIT,
        amount_minor=10_075,
        booking_date=DAY,
        is_reversal=True,
        transaction_code="NTRF+166",
        text="Miete\nDezember <1>\nRF18539007547034\nGUTSCHRIFT",
    ),
    Entry(direction=Direction.DEBIT, amount_minor=700, booking_date=None, is_booked=False, reference="2"),
)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8", "UTF-16"])
@pytest.mark.parametrize("is_one_line", [False, True])
def test_version_2_of_a_european_bank(encoding: str, is_one_line: bool) -> None:
    text = EUROPEAN.replace("ISO-8859-1", encoding)
    if is_one_line:
        text = text.replace("\n", "")
    (statement,) = read(text.encode(encoding))
    assert statement.head == Statement(
        account="DE89370400440532013000",
        statement_id="2026/335",
        currency="EUR",
        opening_minor=-10_050,
        closing_minor=25,
        first_day=date(2026, 11, 30),
        last_day=DAY,
    )
    assert statement.entries == EUROPEAN_ENTRIES


BATCHES = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.04"><BkToCstmrStmt><GrpHdr/><Stmt><Id>1</Id>
<Acct><Id><Othr><Id>1</Id></Othr></Id><Ccy>KWD</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KWD">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-12-01</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="KWD">1.5</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<Dt><Dt>2026-12-01</Dt></Dt></Bal>
<Ntry><Amt Ccy="KWD">1.500</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-12-01</Dt></BookgDt>
<BkTxCd/><NtryDtls/><NtryDtls><Btch><PmtInfId>P-1</PmtInfId><NbOfTxs>40</NbOfTxs></Btch></NtryDtls>
<NtryDtls><Btch><MsgId>M-2</MsgId><TtlAmt Ccy="KWD">0.25</TtlAmt></Btch>
<TxDtls><Amt Ccy="KWD">0.5</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls>
<TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><Amt Ccy="KWD">0.25</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls>
</NtryDtls><NtryDtls><TxDtls><Amt Ccy="USD">3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def test_version_4_with_several_batches_in_an_entry() -> None:
    (statement,) = read(BATCHES.encode())
    (entry,) = statement.entries
    assert (entry.direction, entry.amount_minor) == (Direction.DEBIT, 1500)
    assert entry.batches == (
        Batch(payment_information_id="P-1", items_count=40),
        Batch(
            message_id="M-2",
            net_minor=-250,
            items=(
                BatchItem(direction=Direction.DEBIT, amount_minor=500),
                BatchItem(direction=Direction.CREDIT, amount_minor=250, end_to_end_id="E-1"),
            ),
        ),
        Batch(items=(BatchItem(direction=Direction.DEBIT),)),
    )


# As the specification shows it, with closing ledgers added: amounts signed, split between type code and amount, items
# counted, all funds types, text on lines of its own, lines filled with blanks to 80 and ended with CRLF.
AMERICAN = """01,122099999,123456789,261202,0200,1,80,10,2/
02,031001234,122099999,1,261201,2359,,2/
03,0123456789,,010,+4350000,,,015,4802000,,/
88,072,1020000,,,074,500000,2,V,261203,1200/
16,115,450000,S,100000,200000,150000,,,/
16,165,1500,1,DD1620,,DEALER PAYMENTS, A/B AND /C
16,451,1000,D,2,0,400,1,600/
88,AX13612,B096132,AMALGAMATED CORP. LOCKBOX/
88,TRACE NO. 091000010000001, RETURN CODE R01
16,890,,,,,THE BANK IS CLOSED ON 25 DECEMBER
16,252,1500,V,261203,,,/
49,11126000,10/
03,9876543210,CAD,010,-500000,,,015,-1000000,,,400,500000,1/
16,995,500000,2,,REF/WITH/SLASHES/
49,-500000,3/
98,10626000,2,15/
99,10626000,1,17/
"""


def test_bai2_as_the_specification_shows_it() -> None:
    data = "".join(f"{line:<80}\r\n" for line in AMERICAN.splitlines()).encode()
    first, second = read(data)
    assert first.head == Statement(
        account="0123456789",
        statement_id="122099999/261202/1/261201/USD",
        currency="USD",
        opening_minor=4_350_000,
        closing_minor=4_802_000,
        first_day=DAY,
        last_day=DAY,
    )
    assert first.entries == (
        Entry(direction=Direction.CREDIT, amount_minor=450_000, booking_date=DAY, transaction_code="115"),
        Entry(
            direction=Direction.CREDIT,
            amount_minor=1500,
            booking_date=DAY,
            transaction_code="165",
            reference="DD1620",
            text="DEALER PAYMENTS, A/B AND /C",
        ),
        Entry(
            direction=Direction.DEBIT,
            amount_minor=1000,
            booking_date=DAY,
            transaction_code="451",
            reference="AX13612",
            end_to_end_id="B096132",
            trace_number="091000010000001",
            return_reason="R01",
            text="AMALGAMATED CORP. LOCKBOX TRACE NO. 091000010000001, RETURN CODE R01",
        ),
        Entry(
            direction=Direction.CREDIT,
            amount_minor=1500,
            booking_date=DAY,
            value_date=date(2026, 12, 3),
            is_reversal=True,
            transaction_code="252",
        ),
    )
    assert (second.head.currency, second.head.opening_minor, second.head.closing_minor) == ("CAD", -500_000, -1_000_000)
    (custom,) = second.entries
    assert (custom.direction, custom.end_to_end_id) == (Direction.DEBIT, "REF/WITH/SLASHES")


def test_a_bai2_file_without_opening_ledgers_is_refused_where_the_account_begins() -> None:
    fault = fault_of(AMERICAN.replace("010,+4350000", "045,+4350000").encode())
    assert (fault.line, fault.field, fault.rule) == (3, "03/010", Rule.MISSING_BALANCE)


# As somebody makes it with a spreadsheet: a byte order mark, CRLF, everything quoted, blanks, an empty line.
BY_HAND = """\ufeffrow,account,statement_id,currency,date,value_date,direction,amount,reversal,transaction_code,\
end_to_end_id,reference,trace_number,return_reason,text,message_id,payment_information_id,count
"opening","1","2026-12","USD","2026-12-01",,"credit","0",,,,,,,,,,
closing,,,,2026-12-31,,debit, 12.5 ,,,,,,,,,,
entry,,,,2026-12-31,,debit,12.50000,no,FEE,,,,,"the bank's ""fee"", monthly",,,
batch,,,,,,,,,,,,,,,,P-1,

end,,,,,,,,,,,,,,,,,1
file,,,,,,,,,,,,,,,,,1
"""


def test_a_table_made_by_hand() -> None:
    (statement,) = read(BY_HAND.replace("\n", "\r\n").encode())
    assert (statement.head.opening_minor, statement.head.closing_minor) == (0, -1250)
    assert (statement.head.first_day, statement.head.last_day) == (DAY, date(2026, 12, 31))
    assert statement.entries == (
        Entry(
            direction=Direction.DEBIT,
            amount_minor=1250,
            booking_date=date(2026, 12, 31),
            transaction_code="FEE",
            text='the bank\'s "fee", monthly',
            batches=(Batch(payment_information_id="P-1"),),
        ),
    )
