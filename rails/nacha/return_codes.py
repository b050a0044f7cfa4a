"""Why an entry comes back, and what a notification of change corrects: Nacha's codes, the words are ours.

Nacha Operating Rules, appendix four (returns) and five (changes). Codes of international and of check entries that no
entry class of ours can meet are left out.
"""

from __future__ import annotations

from datetime import date, timedelta

from payments.calendar import add_banking_days, next_banking_day

RETURN_REASONS = {
    "R01": "insufficient funds",
    "R02": "account closed",
    "R03": "no account, or unable to locate it",
    "R04": "invalid account number",
    "R05": "unauthorized debit to a consumer account",
    "R06": "returned at the originating bank's request",
    "R07": "authorization revoked by the customer",
    "R08": "payment stopped",
    "R09": "uncollected funds",
    "R10": "customer advises the originator is not authorized",
    "R11": "entry not in accordance with the authorization",
    "R12": "branch sold to another bank",
    "R13": "routing number not valid",
    "R14": "representative payee deceased",
    "R15": "beneficiary or account holder deceased",
    "R16": "account frozen",
    "R17": "file record edit criteria",
    "R18": "improper effective entry date",
    "R19": "amount field error",
    "R20": "non-transaction account",
    "R21": "invalid company identification",
    "R22": "invalid individual identification number",
    "R23": "credit refused by the receiver",
    "R24": "duplicate entry",
    "R25": "addenda error",
    "R26": "mandatory field error",
    "R27": "trace number error",
    "R28": "routing number check digit error",
    "R29": "corporate customer advises not authorized",
    "R30": "bank takes no part in check truncation",
    "R31": "permissible return entry",
    "R32": "receiving bank does not settle",
    "R33": "return of a destroyed check entry",
    "R34": "limited participation of the receiving bank",
    "R35": "return of an improper debit entry",
    "R36": "return of an improper credit entry",
}

DISHONORED_REASONS = {
    "R61": "misrouted return",
    "R62": "return of an erroneous or reversing debit",
    "R67": "duplicate return",
    "R68": "untimely return",
    "R69": "field error",
    "R70": "permissible return not accepted",
}

CONTESTED_REASONS = {
    "R71": "misrouted dishonored return",
    "R72": "untimely dishonored return",
    "R73": "timely original return",
    "R74": "corrected return",
    "R75": "return not a duplicate",
    "R76": "no errors found",
    "R77": "return of an erroneous or reversing debit not accepted",
}

CHANGE_REASONS = {
    "C01": "incorrect account number",
    "C02": "incorrect routing number",
    "C03": "incorrect routing number and account number",
    "C04": "incorrect individual name",
    "C05": "incorrect transaction code",
    "C06": "incorrect account number and transaction code",
    "C07": "incorrect routing number, account number and transaction code",
    "C09": "incorrect individual identification number",
}

# The date of death stands in the addenda of these, and of no other.
DECEASED = frozenset({"R14", "R15"})
# Not enough money is no fault of the entry: it may be presented again (at most twice, within 180 days).
REPRESENTABLE = frozenset({"R01", "R09"})
# There is no such account (any more): not known of before somebody tries.
ADMINISTRATIVE = frozenset({"R02", "R03", "R04"})
# The customer did not authorise the debit, and has 60 days to say so; of a business (R29) they are 2 banking days.
UNAUTHORIZED = frozenset({"R05", "R07", "R10", "R11"})

# Asked for by the bank that sent the entry, or agreed on with it: these know no last day.
AGREED = frozenset({"R06", "R31"})

RETURN_BANKING_DAYS_MAX = 2
UNAUTHORIZED_DAYS_MAX = 60
# After a return has settled, and after its refusal has.
DISHONOR_BANKING_DAYS_MAX = 5
CONTEST_BANKING_DAYS_MAX = 2


def last_return_day(code: str, settled_on: date) -> date:
    """Return the last day on which a return for this reason may reach the bank that sent the entry, which settled on a
    banking day.

    Nacha Operating Rules, article three and appendix four: by the opening of business on the second banking day after
    the entry settled; of a debit that a consumer did not authorise, on the banking day behind the sixtieth calendar
    day, whether that is a banking day or not.
    """
    if code in UNAUTHORIZED:
        return next_banking_day(settled_on + timedelta(days=UNAUTHORIZED_DAYS_MAX))
    return add_banking_days(settled_on, RETURN_BANKING_DAYS_MAX)


def is_untimely(code: str, *, settled_on: date, heard_on: date) -> bool:
    """Tell whether a return that was heard of on a date came too late: the bank that sent the entry may dishonor it."""
    return code not in AGREED and heard_on > last_return_day(code, settled_on)


def last_dishonor_day(return_settled_on: date) -> date:
    """Return the last day on which a return may be dishonored by the bank that sent the entry."""
    return add_banking_days(return_settled_on, DISHONOR_BANKING_DAYS_MAX)


def last_contest_day(dishonor_settled_on: date) -> date:
    """Return the last day on which the receiving bank may contest that its return was dishonored."""
    return add_banking_days(dishonor_settled_on, CONTEST_BANKING_DAYS_MAX)
