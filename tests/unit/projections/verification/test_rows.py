"""How rows differ: every altered, missing, added and doubled row is told, and what a caller wrote is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.commands import Order
from payments.payment import Payment
from projections.verification import expected
from projections.verification.checks import payment_faults
from projections.verification.expected import ENTITIES, ENTRIES, EVENTS, OUTCOMES, PAYMENTS
from projections.verification.faults import Fault, Kind
from projections.verification.rows import Row, Table, differences
from projections.views.payments import Snapshot
from tests.unit.payments.histories import MARCH, after_all, claimed, lives, rejected, replay, returned, settled

EACH = ((PAYMENTS, expected.payment_rows), (EVENTS, expected.event_rows), (ENTRIES, expected.entry_rows))
PLACES = Table(kind=Kind.EVENTS, columns=("payment_id", "sequence", "new_status", "changes"), place=("sequence",),
               private=frozenset({"changes"}))  # fmt: skip


def snapshot_of(payment: Payment) -> Snapshot:
    return Snapshot(payment_id=payment.payment_id, partition=3, payment=payment)


def stored_of(snapshot: Snapshot) -> list[list[Row]]:
    return [rows_of(snapshot) for _, rows_of in EACH]


def faults_of(snapshot: Snapshot | None, stored: list[list[Row]], payment_id: str = "p") -> list[Fault]:
    return list(payment_faults(payment_id, snapshot, *stored))


def altered(value: object) -> object:
    match value:
        case int():
            return value + 1
        case bytes():
            return value + b"\0"
        case str():
            return f"{value}x"
        case _:
            return 7


@given(lives, st.data())
def test_any_change_of_any_row_is_a_fault_of_its_table(orders: list[Order], data: st.DataObject) -> None:
    snapshot = snapshot_of(data.draw(st.sampled_from(after_all(orders))))
    stored = stored_of(snapshot)
    assert faults_of(snapshot, stored) == []
    number = data.draw(st.sampled_from([n for n, rows in enumerate(stored) if rows]))
    table, rows = EACH[number][0], stored[number]
    at = data.draw(st.integers(0, len(rows) - 1))
    change = data.draw(st.sampled_from(["delete", "double", "alter"]))
    if change == "delete":
        del rows[at]
    elif change == "double":
        rows.insert(at, rows[at])
    else:
        column = data.draw(st.integers(1, len(table.columns) - 1))
        rows[at] = (*rows[at][:column], altered(rows[at][column]), *rows[at][column + 1 :])
    assert table.kind in {fault.kind for fault in faults_of(snapshot, stored)}
    assert table.kind in {fault.kind for fault in faults_of(None, stored)} or not rows


def test_rows_of_a_payment_that_the_log_lacks_are_told() -> None:
    stored = stored_of(snapshot_of(replay(MARCH, claimed())))
    assert [(fault.kind, fault.detail) for fault in faults_of(None, stored)] == [
        (Kind.PAYMENTS, "payments: the log has no such row"),
        (Kind.EVENTS, "payment_events 1: the log has no such row; payment_events 2: the log has no such row"),
        (Kind.ENTRIES, "ledger_entries 2/1: the log has no such row; ledger_entries 2/2: the log has no such row"),
    ]


def test_a_payment_whose_sides_differ_is_unbalanced() -> None:
    snapshot = snapshot_of(replay(MARCH, claimed(), settled(), returned()))
    payments, events, entries = stored_of(snapshot)
    assert len(entries) == 8
    for missing in entries:
        left = [entry for entry in entries if entry is not missing]
        [_, fault] = faults_of(snapshot, [payments, events, left])
        assert (fault.kind, fault.detail) == (Kind.IMBALANCE, "its debits and credits differ by 1500.00")


@pytest.mark.parametrize(
    ("logged", "stored", "said"),
    [
        ([("p", 1, "pending", "{}")], [], ["payment_events 1: the row is missing"]),
        ([], [("p", 1, "pending", "{}")], ["payment_events 1: the log has no such row"]),
        ([("p", 1, "a", "{}")], [("p", 1, "a", "{}")] * 2, ["payment_events 1: the row is there 2 times"]),
        (
            [("p", 1, "a", "{}"), ("p", 2, None, "b")],
            [("p", 1, "x", "{}"), ("p", 2, "c", "123456789")],
            [
                "payment_events 1: new_status is 'x', the log says 'a'",
                "payment_events 2: new_status is 'c', the log says NULL, changes differs",
            ],
        ),
        (
            [],
            [("p", n, "a", "{}") for n in range(7)],
            [*(f"payment_events {n}: the log has no such row" for n in range(5)), "and 2 more"],
        ),
    ],
)  # fmt: skip
def test_differences_are_told_in_short(logged: list[Row], stored: list[Row], said: list[str]) -> None:
    assert differences(PLACES, logged, stored) == said


def test_the_same_rows_in_another_order_do_not_differ() -> None:
    rows: list[Row] = [("p", 1, "a", "{}"), ("p", 2, "b", "{}")]
    assert differences(PLACES, rows, rows[::-1]) == []


def test_times_bytes_and_long_texts_are_shown_in_short() -> None:
    table = Table(kind=Kind.PAYMENTS, columns=("payment_id", "updated_at", "hash", "status"))
    told = differences(table, [("p", 0, b"\x01" * 32, "x" * 100)], [("p", 2**63 - 1, b"\x02", "y")])
    assert told[0].split(", ") == [
        "payments: updated_at is 9223372036854775807 us",
        "the log says 1970-01-01T00:00:00.000000Z",
        "hash is 02",
        "the log says 0101010101010101...",
        "status is 'y'",
        f"the log says '{'x' * 59}...",
    ]


def test_every_column_has_its_name() -> None:
    snapshot = snapshot_of(replay(MARCH, claimed(), rejected()))
    rows: list[tuple[Table, Any]] = [(table, rows_of(snapshot)[0]) for table, rows_of in EACH]
    assert all(len(table.columns) == len(row) for table, row in rows)
    named = dict(zip(PAYMENTS.columns, rows[0][1], strict=True))
    assert (named["status"], named["failure_code"], named["amount_minor"]) == ("failed", "R03", MARCH.amount_minor)
    assert all(table.private <= set(table.columns) for table in (PAYMENTS, EVENTS, ENTRIES, ENTITIES, OUTCOMES))
