"""The bank transaction codes of each kind of booking: ISO 20022's (domain, family, sub-family) and BAI2's.

Sources: ISO 20022, external code sets of bank transaction codes; BAI2, appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from rails.simulated.statements.bookings import Booking, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """The codes of one kind in one direction."""

    family: str
    sub_family: str
    bai2: str


DOMAIN = "PMNT"

_CREDITS = MappingProxyType(
    {
        Kind.ACH: Codes(family="RCDT", sub_family="ACDT", bai2="142"),
        Kind.ACH_RETURN: Codes(family="ICDT", sub_family="RRTN", bai2="257"),
        Kind.ACH_FILE: Codes(family="IDDT", sub_family="PMDD", bai2="166"),
        Kind.INSTANT: Codes(family="RRCT", sub_family="DMCT", bai2="195"),
        Kind.WIRE: Codes(family="RCDT", sub_family="DMCT", bai2="195"),
        Kind.CORRECTION: Codes(family="MCOP", sub_family="ADJT", bai2="254"),
    }
)
_DEBITS = MappingProxyType(
    {
        Kind.ACH: Codes(family="RDDT", sub_family="PMDD", bai2="451"),
        Kind.ACH_RETURN: Codes(family="IDDT", sub_family="UPDD", bai2="557"),
        Kind.ACH_FILE: Codes(family="ICDT", sub_family="ACDT", bai2="466"),
        Kind.INSTANT: Codes(family="IRCT", sub_family="DMCT", bai2="495"),
        Kind.WIRE: Codes(family="ICDT", sub_family="DMCT", bai2="495"),
        Kind.CORRECTION: Codes(family="MDOP", sub_family="ADJT", bai2="554"),
    }
)
# BAI2 has no mark of a reversal but these: a debit that is undone is a credit, and the other way round.
_DEBIT_REVERSAL, _CREDIT_REVERSAL = "252", "552"


def codes_of(booking: Booking) -> Codes:
    """Return the codes of a booking."""
    is_credit = booking.item.amount_minor > 0
    codes = (_CREDITS if is_credit else _DEBITS)[booking.kind]
    if not booking.is_reversal:
        return codes
    reversal = _DEBIT_REVERSAL if is_credit else _CREDIT_REVERSAL
    return Codes(family=codes.family, sub_family=codes.sub_family, bai2=reversal)
