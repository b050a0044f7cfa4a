"""Books that do not balance, or balance and say something else, are found."""

from __future__ import annotations

from chaos.oracle.violation import Kind
from tests.defects import judged, of_the_ledger
from tests.defects.case import Case, cases

CASES = [
    Case(
        defect=of_the_ledger.a_return_is_booked_with_the_wrong_sign,
        found_by=judged.a_payment_is_returned,
        seen_as=Kind.LEDGER_DIFFERS,
    ),
    Case(
        defect=of_the_ledger.a_transfer_is_booked_on_one_side_only,
        found_by=judged.everything_comes_twice,
        seen_as=Kind.IMBALANCE,
    ),
]


@cases(CASES)
def test_wrong_books_are_found(case: Case) -> None:
    case.check()
