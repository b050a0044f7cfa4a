"""Whatever a bank books: each payment's leg is taken once, by a booking that names it; the balances always follow."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from payments.payment import Status
from rails.simulated.statements.bookings import Booking
from reconciliation.known_payment import KnownPayment
from reconciliation.naming import payment_id_of
from reconciliation.proof import HOLDING
from schemas.reconciliation import Verdict
from tests.unit.reconciliation.desk_in_hand import DeskInHand, booking, known, reference_of, statement_file

PAYERS, PAYEES = ("A", "B"), ("C", "D")

payments = st.lists(
    st.builds(
        lambda number, amount_minor, status, payer, payee: known(
            f"rent-{number}", amount_minor=amount_minor, status=status, payer=payer, payee=payee
        ),
        st.integers(0, 5),
        # Few, so that different payments are often alike.
        st.sampled_from([100, 101]),
        st.sampled_from(Status),
        st.sampled_from(PAYERS),
        st.sampled_from(PAYEES),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda payment: payment.payment_id,
)


@st.composite
def days_at_the_bank(draw: st.DrawFn) -> tuple[list[KnownPayment], list[dict[str, list[Booking]]]]:
    """Some payments, and files of a bank that books anything: of them, twice, of others, of nobody, as returns."""
    some = draw(payments)
    references = [None, "OTHER", reference_of(known("unknown")), *map(reference_of, some)]
    bookings = st.builds(
        booking,
        st.sampled_from([100, 101, -100, -101, 7]),
        st.sampled_from(references),
        reference=st.sampled_from(["BK-1", "BK-2"]),
        return_reason=st.sampled_from([None, None, "R01"]),
        is_reversal=st.booleans(),
    )
    accounts = st.dictionaries(
        st.sampled_from(["A", "B", "C", "D", "OURS"]), st.lists(bookings, max_size=5), min_size=1
    )
    return some, draw(st.lists(accounts, min_size=1, max_size=2))


@given(days_at_the_bank(), st.booleans())
def test_legs_are_taken_once_by_what_names_them_and_the_proof_holds(
    day: tuple[list[KnownPayment], list[dict[str, list[Booking]]]], has_own: bool
) -> None:
    some, files = day
    desk = DeskInHand(some, own_accounts=["OURS"] if has_own else [])
    amounts_minor = {it.payment_id: it.amount_minor for it in some}
    for number, bookings in enumerate(files):
        data = statement_file(bookings, number=number + 1)
        done, _ = desk.take(data)
        told = done.matched + done.repaired + done.mismatched + done.duplicates + done.unmatched_at_bank
        assert told + done.known == done.bookings
        assert desk.take(data) == (done, True)
    findings = desk.findings()
    holding = [it for it in findings if it.verdict in HOLDING]
    legs = Counter((it.payment_id, it.side, it.movement, it.is_own) for it in holding)
    assert set(legs.values()) <= {1}
    for each in holding:
        assert each.end_to_end_id is not None
        named = payment_id_of(each.end_to_end_id)
        assert named is not None
        assert named[0] == each.payment_id
        has_amount = abs(each.amount_minor or 0) == amounts_minor[each.payment_id]
        assert has_amount is (each.verdict is not Verdict.MISMATCHED)
    assert len({(it.payment_id, it.report) for it in desk.reports}) == len(desk.reports)
    # Where a file tells all that is booked, it is proven; a second one may tell less of a day than was found before.
    first = [it for it in desk.proofs() if it.statement_id.endswith("-1")]
    assert first
    assert all(it.holds for it in first)


@given(days_at_the_bank())
def test_the_records_alone_give_the_same_book(
    day: tuple[list[KnownPayment], list[dict[str, list[Booking]]]],
) -> None:
    some, files = day
    desk, other = DeskInHand(some), DeskInHand(some)
    for number, bookings in enumerate(files):
        desk.take(statement_file(bookings, number=number + 1))
    other.append(desk.records)
    for state in (None, "open", "resolved", *Verdict):
        assert other.items(state) == desk.items(state)
