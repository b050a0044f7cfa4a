"""Every way that an ACH payment can go, a row each: what leads to it, and what history, ledger and bank say in the end.

A payment goes by a transfer, whose delays the bank keeps, or by files, which an originator and the bank exchange by
banking days. Sums are in the payment's amount, credits positive: -1 is all of it, taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from payments.commands import Report
from payments.payment import EventType

PAYER, PAYEE = "55501234", "55506789"  # Accounts like any other.

# What banks send back most: money, account, authorisation, freeze, kind of account.
CODES = ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10", "R16", "R20", "R29")
# The customer has 60 days to say that a debit was not authorised; everything else comes back within 2 banking days.
SIXTY_DAYS = frozenset({"R05", "R07", "R10"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A history, by its events, and what it leaves in our ledger."""

    events: tuple[EventType, ...]
    payer: int = 0
    payee: int = 0
    in_flight: int = 0
    suspense: int = 0


ASKED = (EventType.INITIATED, EventType.PROCESSING)
PAID = (*ASKED, EventType.COMPLETED)
FAILED = Ending(events=(*ASKED, EventType.FAILED))
COMPLETED = Ending(events=PAID, payer=-1, payee=1)
RETURNED = Ending(events=(*PAID, EventType.RETURNED))
UNKNOWN = Ending(events=ASKED, payer=-1, in_flight=1)
CANCELLED = Ending(events=(EventType.INITIATED, EventType.CANCELLED))


def and_suspense(ending: Ending) -> Ending:
    """The same, and then a bank reports money that nobody waits for: it goes to suspense, and the status stays."""
    return Ending(
        events=(*ending.events, EventType.SUSPENSE_RECORDED),
        payer=ending.payer,
        payee=ending.payee,
        in_flight=ending.in_flight - 1,
        suspense=ending.suspense + 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A report that comes when the payment has ended."""

    report: Report
    attempt: int = 1
    code: str | None = None


class Came(NamedTuple):
    """What a file of the bank's says of an entry, and why a person has to look at it."""

    kind: str
    code: str
    leg: str
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One way to go. `bank`: what payer and payee have there in the end. `code`: why it came back, if it did."""

    name: str
    ending: Ending
    bank: tuple[int, int]
    payer: str = PAYER
    payee: str = PAYEE
    code: str | None = None
    is_cancelled: bool = False
    late: Late | None = None
    transfer: str | None = "settled"  # By transfers: how it stands in the bank's books; None: there is none.
    at: str = ""  # By files: when the last event happened (Eastern).
    came: tuple[Came, ...] = ()
    fault: str | None = None  # What the bank is asked to do wrong.


def rejected(code: str) -> Outcome:
    """The payer's bank refuses."""
    return Outcome(name=f"rejected {code}", payer=f"100{code[1:]}", ending=FAILED, code=code, bank=(0, 0))


def returned(code: str, *, bank: tuple[int, int] = (0, 0)) -> Outcome:
    """The payer's bank settles, and sends it back afterwards."""
    return Outcome(name=f"returned {code}", payer=f"200{code[1:]}", ending=RETURNED, code=code, bank=bank)


BY_TRANSFERS = [
    Outcome(name="accepted", ending=COMPLETED, bank=(-1, 1)),
    *(replace(rejected(code), transfer="rejected") for code in CODES),
    *(replace(returned(code), transfer="returned") for code in CODES),
    Outcome(name="time-out, then settled", payer="30000", ending=COMPLETED, bank=(-1, 1)),
    Outcome(name="settled, and only asking tells", payer="30001", ending=COMPLETED, bank=(-1, 1)),
    Outcome(name="answered twice", payer="30002", ending=COMPLETED, bank=(-1, 1)),
    Outcome(name="time-out, then never seen", payer="30003", ending=UNKNOWN, bank=(0, 0), transfer="in_progress"),
    Outcome(name="cancelled", ending=CANCELLED, is_cancelled=True, bank=(0, 0), transfer=None),
    # Reports that nobody waits for. The books hold no such money, which is what suspense says.
    Outcome(
        name="settled although cancelled", ending=and_suspense(CANCELLED), is_cancelled=True, bank=(0, 0),
        transfer=None, late=Late(report=Report.SETTLED),
    ),
    Outcome(
        name="settled although rejected", payer="10001", ending=and_suspense(FAILED), code="R01", bank=(0, 0),
        transfer="rejected", late=Late(report=Report.SETTLED),
    ),
    Outcome(
        name="settled by a second attempt", ending=and_suspense(COMPLETED), bank=(-1, 1),
        late=Late(report=Report.SETTLED, attempt=2),
    ),
    Outcome(
        name="settled by a second attempt although returned", payer="20001", ending=and_suspense(RETURNED), code="R01",
        bank=(0, 0), transfer="returned", late=Late(report=Report.SETTLED, attempt=2),
    ),
    # Reports that the lifecycle refuses: the payment stays as it was.
    Outcome(
        name="returned although cancelled", ending=CANCELLED, is_cancelled=True, bank=(0, 0), transfer=None,
        late=Late(report=Report.RETURNED, code="R01"),
    ),
    Outcome(
        name="rejected although completed", ending=COMPLETED, bank=(-1, 1),
        late=Late(report=Report.REJECTED, code="R01"),
    ),
    Outcome(
        name="returned a second time", payer="20001", ending=RETURNED, code="R01", bank=(0, 0), transfer="returned",
        late=Late(report=Report.RETURNED, attempt=2, code="R02"),
    ),
]  # fmt: skip

# The debit's file settles at 13:00 on 1 December, the credit's at 17:00. What comes back is heard when the clock goes
# on.
AT_DEBIT, AT_CREDIT = "2026-12-01 13:00", "2026-12-01 17:00"
NEXT_DAY, TWO_DAYS, TWO_MONTHS = "2026-12-02 10:25", "2026-12-03 10:25", "2027-02-01 10:25"

BY_FILES = [
    Outcome(name="accepted", ending=COMPLETED, bank=(-1, 1), at=AT_CREDIT),
    *(replace(rejected(code), at=AT_DEBIT, came=(Came("return", code, "debit"),)) for code in CODES),
    # The payee has what the payer took back: it is the company's loss, and its claim on the payee.
    *(
        replace(
            returned(code, bank=(0, 1)), at=TWO_MONTHS if code in SIXTY_DAYS else TWO_DAYS,
            came=(Came("return", code, "debit"),),
        )
        for code in CODES
    ),
    # The payer is given the money back in the next window.
    Outcome(
        name="credit refused R03", payee="10003", ending=RETURNED, code="R03", bank=(0, 0), at=NEXT_DAY,
        came=(Came("return", "R03", "credit"),),
    ),
    Outcome(
        name="credit returned R16", payee="20016", ending=RETURNED, code="R16", bank=(0, 0), at=TWO_DAYS,
        came=(Came("return", "R16", "credit"),),
    ),
    Outcome(
        name="corrected C01", payer="40001", ending=COMPLETED, bank=(-1, 1), at=AT_CREDIT,
        came=(Came("notice", "C01", "debit"),),
    ),
    Outcome(name="payer's bank answers nothing", payer="30000", ending=COMPLETED, bank=(-1, 1), at=AT_CREDIT),
    # Nobody says that an entry is well: what a bank has lost looks the same, until its statement is read.
    Outcome(name="debit never seen", payer="30003", ending=COMPLETED, bank=(0, 1), at=AT_CREDIT),
    Outcome(name="credit never seen", payee="30003", ending=COMPLETED, bank=(-1, 0), at=AT_CREDIT),
    Outcome(
        name="returned too late R01", payer="50001", ending=RETURNED, code="R01", bank=(0, 1), at=TWO_MONTHS,
        came=(Came("return", "R01", "debit", "untimely"),),
    ),
    Outcome(
        name="return told twice", payer="20002", ending=RETURNED, code="R02", bank=(0, 1), at=TWO_DAYS,
        fault="duplicate_answer",
        came=(Came("return", "R02", "debit"), Came("return", "R02", "debit", "returned_twice")),
    ),
]  # fmt: skip
