"""The records of the restore stage are what a worker finds on the topic: payments, each with its own id."""

from __future__ import annotations

import pytest

from bench.snapshots import Snapshots
from payments.payment import Payment, Status
from schemas import codec


@pytest.mark.parametrize(("steps", "status"), [(1, Status.PENDING), (3, Status.COMPLETED)])
def test_a_snapshot_decodes_to_the_payment_of_its_key(steps: int, status: Status) -> None:
    snapshots = Snapshots(steps=steps)
    for number in (0, 4_999_999):
        key, payment_id, value = snapshots.record(number)
        payment = codec.decode(value)
        assert isinstance(payment, Payment)
        assert payment.head.idempotency_key == key
        assert payment.payment_id == payment_id
        assert (payment.status, len(payment.transitions)) == (status, steps)


def test_snapshots_have_hashes_of_their_own_so_that_they_compress_like_real_ones() -> None:
    snapshots = Snapshots(steps=1)
    one, other = (codec.decode(snapshots.record(number)[2]) for number in (1, 2))
    assert isinstance(one, Payment)
    assert isinstance(other, Payment)
    assert one.head.fingerprint != other.head.fingerprint
    assert one.last.hash != other.last.hash


def test_payments_are_on_their_leases_in_turn_each_with_a_payer_and_a_payee() -> None:
    snapshots = Snapshots(steps=3, leases=4)
    payments = [codec.decode(snapshots.record(number)[2]) for number in range(8)]
    terms = []
    for payment in payments:
        assert isinstance(payment, Payment)
        assert (payment.status, len(payment.transitions)) == (Status.COMPLETED, 3)
        terms.append((payment.head.lease_id, payment.head.payer_account_id, payment.head.payee_account_id))
    assert terms[:4] == terms[4:]
    assert len({one for each in terms for one in each}) == 12
