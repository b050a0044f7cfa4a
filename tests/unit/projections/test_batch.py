"""What a batch means: the newest of everything, whatever the split, the order and the repetitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from payments.commands import Order
from payments.payment import Payment
from payments.rejection import Rejection
from projections.batch import Batch, Gathered, LogRecord, UnprojectableRecord, mark_quiet, read_batch
from projections.views import ledger_entries, payment_events, payments
from schemas.codec import decode, encode
from schemas.deliveries import Outcome
from schemas.topics import PAYMENT_EVENTS, PAYMENT_REJECTIONS, WEBHOOK_DELIVERIES
from tests.unit.payments.histories import MARCH, T0_US, after_all, claimed, lives, replay, settled
from tests.unit.projections.deliveries import DELIVERED

PLACE = (PAYMENT_EVENTS.name, 3)


def record(
    payment: Payment, offset: int, *, header: bool = True, key: bytes | None = None, value: bytes | None = None
) -> LogRecord:
    return LogRecord(
        topic=PAYMENT_EVENTS.name,
        partition=3,
        offset=offset,
        key=payment.payment_id.encode() if key is None else key,
        value=encode(payment) if value is None else value,
        sequence=payment.last.sequence if header else None,
        at_us=T0_US + offset,
    )


def read(records: list[LogRecord], *, at: int = 0) -> Batch:
    return read_batch(records, {PLACE: at}, {PLACE: 100}, decode)


class Tables:
    """The tables as their guards make them: what `transaction.write` does, without a database."""

    def __init__(self) -> None:
        self.payments: dict[str, tuple[object, ...]] = {}
        self.events: dict[object, tuple[object, ...]] = {}
        self.ledger: dict[object, tuple[object, ...]] = {}
        self.sequences: dict[str, int] = {}

    def write(self, batch: Batch) -> None:
        for snapshot in batch.snapshots:
            known = self.sequences.get(snapshot.payment_id, 0)
            if snapshot.sequence <= known:
                continue
            self.sequences[snapshot.payment_id] = snapshot.sequence
            self.payments[snapshot.payment_id] = payments.row(snapshot)
            for row in payment_events.rows(snapshot, after_sequence=known):
                assert row[:2] not in self.events
                self.events[row[:2]] = row
            for row in ledger_entries.rows(snapshot, after_sequence=known):
                assert row[:3] not in self.ledger
                self.ledger[row[:3]] = row

    def all_rows(self) -> Iterator[tuple[object, ...]]:
        yield from self.payments.values()
        yield from self.events.values()
        yield from self.ledger.values()


# What a writer that crashed may leave: steps again, older ones after newer ones, with and without the header.
repeats = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=15)


@given(life=lives, before=repeats, after=repeats, cuts=st.sets(st.integers(1, 40), max_size=10))
def test_any_split_repetition_and_order_gives_the_same_rows(
    life: list[Order], before: list[tuple[int, bool]], after: list[tuple[int, bool]], cuts: set[int]
) -> None:
    steps = after_all(life)
    places = [*before, *((index, True) for index in range(len(steps))), *after]
    whole = [record(steps[index % len(steps)], offset, header=header) for offset, (index, header) in enumerate(places)]
    plain, split = Tables(), Tables()
    plain.write(read([record(step, offset) for offset, step in enumerate(steps)]))
    position = 0
    for end in [*sorted(cut for cut in cuts if cut < len(whole)), len(whole)]:
        batch = read(whole[:end], at=position)  # Everything before the position was projected: it is passed over.
        split.write(batch)
        position = batch.moves[0].new if batch.moves else position
    assert position == len(whole)
    assert list(plain.all_rows()) == list(split.all_rows())
    assert sum(_signed(row) for row in split.ledger.values()) == 0


def _signed(row: tuple[object, ...]) -> int:
    assert isinstance(row[7], int)
    return row[7] if row[6] == "credit" else -row[7]


def test_a_partition_where_nothing_came_is_passed_to_its_end_and_others_stay_as_the_batch_moves_them() -> None:
    quiet, unread = (PAYMENT_EVENTS.name, 4), (PAYMENT_REJECTIONS.name, 0)
    positions = {unread: 20, quiet: 10, PLACE: 0}
    batch = read([record(replay(MARCH), 0)])
    marked = mark_quiet(batch, positions, {quiet: 12, PLACE: 5}, {quiet: 12, unread: 30, PLACE: 100})
    assert marked.moves[0] == batch.moves[0]
    assert [(move.partition, move.old, move.new, move.log_end) for move in marked.moves[1:]] == [
        (4, 10, 12, 12),
        (0, 20, 20, 30),
    ]
    assert (marked.snapshots, marked.records) == (batch.snapshots, batch.records)


def test_a_superseded_snapshot_is_not_even_decoded() -> None:
    steps = after_all([MARCH, claimed(), settled()])
    decoded: list[object] = []

    def counting(data: bytes | None) -> object:
        decoded.append(data)
        return decode(data)

    batch = read_batch([record(step, n) for n, step in enumerate(steps)], {PLACE: 0}, {}, counting)
    assert len(decoded) == 1
    assert batch.snapshots[0].payment == steps[-1]
    assert (batch.moves[0].old, batch.moves[0].new, batch.moves[0].log_end) == (0, 3, 3)


def test_what_is_superseded_later_is_let_go() -> None:
    steps = after_all([MARCH, claimed(), settled()])
    gathered = Gathered(decode)
    for offset, step in enumerate(steps):
        gathered.take([record(step, offset, header=offset != 1)])
        assert (len(gathered), gathered.records) == (1, offset + 1)
    (snapshot,) = gathered.batch(()).snapshots
    assert snapshot.payment == steps[-1]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (None, b"garbage", "wire format"),
        (None, b"\x00\x00\x00\x00\x04", "not the record"),
        (None, b"\x00\x00\x00\x03\xe7x", "newer release"),
        (b"11111111-1111-4111-8111-111111111111", None, "its key is not"),
    ],
)
def test_what_cannot_be_projected_stops_with_its_place(key: bytes | None, value: bytes | None, says: str) -> None:
    payment = replay(MARCH)
    with pytest.raises(UnprojectableRecord, match=r"payment-events\[3\] offset 7 .*" + says):
        read([record(payment, 7, key=key, value=value)])


def test_a_tombstone_and_a_value_of_another_topic_stop_as_well() -> None:
    payment = replay(MARCH)
    tombstone = LogRecord(topic=PLACE[0], partition=3, offset=7, key=b"k", value=None, sequence=None, at_us=None)
    with pytest.raises(UnprojectableRecord, match="there is no value"):
        read([tombstone])
    with pytest.raises(UnprojectableRecord, match="InitiatePayment does not belong"):
        read([record(payment, 7, value=encode(MARCH))])


def test_a_header_that_lies_about_its_transition_stops() -> None:
    payment = replay(MARCH, claimed())
    lying = LogRecord(
        topic=PLACE[0],
        partition=3,
        offset=7,
        key=payment.payment_id.encode(),
        value=encode(payment),
        sequence=9,
        at_us=None,
    )
    with pytest.raises(UnprojectableRecord, match="its header says transition 9"):
        read([lying])


def test_the_newest_refusal_of_a_command_stands_in_either_order() -> None:
    def refusal(offset: int, at_us: int, reason: str) -> LogRecord:
        value = Rejection(
            topic="payment-commands", partition=0, offset=offset, key="k", reason=reason, detail="d",
            command_id="0b0e2f9c-6a58-4b7a-9a55-0f5c8a3f7a01", rejected_at_us=at_us,
            raw=b"", raw_bytes=0, raw_sha256=b"h" * 32,
        )  # fmt: skip
        return LogRecord(
            topic=PAYMENT_REJECTIONS.name,
            partition=0,
            offset=offset,
            key=b"k",
            value=encode(value),
            sequence=None,
            at_us=None,
        )

    older, newer = refusal(1, T0_US, "payment-unknown"), refusal(2, T0_US + 5, "illegal-move")
    for records in ([older, newer], [newer, older]):
        batch = read_batch(records, {(PAYMENT_REJECTIONS.name, 0): 0}, {}, decode)
        assert [it.reason for it in batch.rejections] == ["illegal-move"]


def test_every_attempt_to_deliver_is_projected_once_without_its_body_and_never_changes() -> None:
    def attempt(offset: int, number: int, outcome: Outcome = Outcome.FAILED) -> LogRecord:
        value = structs.replace(DELIVERED, attempt=number, outcome=outcome)
        return LogRecord(
            topic=WEBHOOK_DELIVERIES.name,
            partition=0,
            offset=offset,
            key=value.endpoint_id.encode(),
            value=encode(value),
            sequence=None,
            at_us=None,
        )

    records = [attempt(1, 1), attempt(2, 2), attempt(3, 1, Outcome.DELIVERED)]
    batch = read_batch(records, {(WEBHOOK_DELIVERIES.name, 0): 0}, {}, decode)
    assert [(it.attempt, it.outcome, it.body) for it in batch.deliveries] == [
        (1, Outcome.FAILED, b""),
        (2, Outcome.FAILED, b""),
    ]
    assert batch.records == 3
