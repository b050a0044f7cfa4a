"""The gateway's durable state."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from rails.agenda import By
from rails.open_payments import Act, Change, Changes, Close, Keep, OpenPayments, merged


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OpenPayments]:
    opened = OpenPayments(tmp_path / "state.sqlite")
    opened.adopt("cluster/topic")
    yield opened
    opened.close()


def keep(*, partition: int = 0, is_pending: bool = True, due_at_us: int = 100, act_at_us: int | None = 100) -> Keep:
    return Keep(
        partition=partition, is_pending=is_pending, due_at_us=due_at_us, act_at_us=act_at_us, value=b"as on the topic"
    )


def ids(store: OpenPayments, *, partitions: tuple[int, ...] = (0,), until_us: int = 1000, most: int = 10) -> list[str]:
    found = store.to_act_on(partitions, until_us=until_us, machine_until_us=until_us, most=most)
    return [each.payment_id for each in found]


def test_what_is_to_be_acted_on_comes_earliest_first_from_our_partitions_up_to_a_time(store: OpenPayments) -> None:
    store.save(
        Changes(
            payments={
                "late": keep(act_at_us=2000),
                "second": keep(act_at_us=300),
                "first": keep(act_at_us=200),
                "in hand": keep(act_at_us=None),
                "another's": keep(partition=1, act_at_us=100),
            }
        )
    )
    assert ids(store) == ["first", "second"]
    assert ids(store, most=1) == ["first"]
    assert ids(store, partitions=(0, 1)) == ["another's", "first", "second"]
    assert ids(store, partitions=()) == []
    [kept] = store.to_act_on([0], until_us=200, machine_until_us=0, most=1)
    assert (kept.partition, kept.value, kept.act_at_us) == (0, b"as on the topic", 200)


def test_each_time_is_of_the_clock_that_it_was_given_by(store: OpenPayments) -> None:
    again = Keep(partition=0, is_pending=True, due_at_us=100, act_at_us=300, by=By.MACHINE, value=b"")
    store.save(Changes(payments={"due": keep(act_at_us=200), "tried again": again, "parked": keep()}))
    store.save(Changes(payments={"parked": Act(act_at_us=250, by=By.MACHINE)}))
    found = store.to_act_on([0], until_us=200, machine_until_us=0, most=10)
    assert [(each.payment_id, each.by) for each in found] == [("due", By.BUSINESS)]
    found = store.to_act_on([0], until_us=0, machine_until_us=300, most=10)
    assert [(each.payment_id, each.by) for each in found] == [("parked", By.MACHINE), ("tried again", By.MACHINE)]
    assert len(store.to_act_on([0], until_us=200, machine_until_us=300, most=2)) == 2
    store.begin(0)
    assert len(store.to_act_on([0], until_us=200, machine_until_us=0, most=10)) == 3


def test_the_state_of_an_earlier_version_is_dropped_so_that_everything_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    earlier = sqlite3.connect(path)
    earlier.executescript("CREATE TABLE payments (payment_id TEXT PRIMARY KEY, act_at_us INTEGER) STRICT")
    earlier.close()
    store = OpenPayments(path)
    assert store.adopt("cluster/topic")
    assert store.begin(0) == 0
    store.save(Changes(payments={"a": keep()}))
    assert ids(store) == ["a"]
    store.close()


def test_rows_offsets_and_cursor_are_saved_together_or_not_at_all(store: OpenPayments, tmp_path: Path) -> None:
    store.save(Changes(payments={"a": keep()}, next_offsets={0: 5}, feed_cursor="books:1"))
    broken = Changes(payments={"b": keep()}, next_offsets={0: None}, feed_cursor="books:2")  # type: ignore[dict-item]
    with pytest.raises(sqlite3.IntegrityError):
        store.save(broken)
    assert ids(store) == ["a"]
    assert store.begin(0) == 5
    assert store.feed_cursor() == "books:1"


def test_taking_a_partition_up_again_looks_at_everything_anew(store: OpenPayments) -> None:
    payments = {
        "claimed, in hand": keep(act_at_us=None, due_at_us=700),
        "at the bank, asked later": keep(is_pending=False, act_at_us=10**15),
        "another's": keep(partition=1, act_at_us=None),
    }
    store.save(Changes(payments=payments, next_offsets={0: 9}))
    assert store.begin(0) == 9
    assert ids(store, partitions=(0, 1)) == ["at the bank, asked later", "claimed, in hand"]
    assert store.begin(3) == 0


def test_a_payment_that_has_gone_its_way_is_forgotten(store: OpenPayments) -> None:
    store.save(Changes(payments={"a": keep(), "b": keep()}))
    store.save(Changes(payments={"a": Close(), "never seen": Close()}))
    assert ids(store) == ["b"]
    assert store.count(0) == 1


def test_only_the_time_changes_when_only_the_time_changes(store: OpenPayments) -> None:
    store.save(Changes(payments={"a": keep(), "b": keep()}))
    store.save(Changes(payments={"a": Act(act_at_us=None), "b": Act(act_at_us=50), "unknown": Act(act_at_us=1)}))
    assert ids(store) == ["b"]
    assert store.count(0) == 2


def test_state_of_another_log_is_emptied_and_our_own_is_kept(store: OpenPayments) -> None:
    store.save(Changes(payments={"a": keep()}, next_offsets={0: 5}, feed_cursor="books:1"))
    assert store.adopt("cluster/topic")
    assert (ids(store), store.feed_cursor()) == (["a"], "books:1")
    assert not store.adopt("cluster/topic made again")
    assert (ids(store), store.begin(0), store.feed_cursor()) == ([], 0, "")


def test_a_partition_can_be_forgotten_alone(store: OpenPayments) -> None:
    store.save(Changes(payments={"a": keep(), "b": keep(partition=1)}, next_offsets={0: 5, 1: 6}))
    store.forget(0)
    assert (store.begin(0), store.begin(1)) == (0, 6)
    assert ids(store, partitions=(0, 1)) == ["b"]


def test_the_state_is_found_again(tmp_path: Path) -> None:
    first = OpenPayments(tmp_path / "state.sqlite")
    assert first.adopt("cluster/topic")
    first.save(Changes(payments={"a": keep()}, next_offsets={0: 5}))
    first.close()
    again = OpenPayments(tmp_path / "state.sqlite")
    assert again.adopt("cluster/topic")
    assert ids(again) == ["a"]
    again.close()


@pytest.mark.parametrize(
    ("earlier", "later", "result"),
    [
        (None, Act(act_at_us=1), Act(act_at_us=1)),
        (keep(act_at_us=5), Act(act_at_us=None), keep(act_at_us=None)),
        (Act(act_at_us=5), keep(act_at_us=7), keep(act_at_us=7)),
        (keep(), Close(), Close()),
        (Close(), Act(act_at_us=5), Close()),
        (Close(), keep(), keep()),
        (Act(act_at_us=5), Act(act_at_us=6), Act(act_at_us=6)),
    ],
)
def test_two_changes_make_the_one_that_does_what_both_do(
    store: OpenPayments, earlier: Change | None, later: Change, result: Change
) -> None:
    assert merged(earlier, later) == result


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_begun_anew_so_that_everything_is_read_again(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "state.sqlite"
    store = OpenPayments(path)
    store.adopt("this log")
    payments: dict[str, Change] = {
        f"p{n}": Keep(partition=0, is_pending=True, due_at_us=n, act_at_us=n, value=b"v" * 400) for n in range(100)
    }
    store.save(Changes(payments=payments, next_offsets={0: 100}))
    store.close()
    chance = random.Random(seed)
    damaged = bytearray(path.read_bytes())
    # The first kilobyte holds what the file is; a run of garbage there, at a random place, spoils it.
    place = chance.randrange(900)
    damaged[place : place + 4096] = chance.randbytes(4096)
    path.write_bytes(damaged)
    again = OpenPayments(path)
    again.adopt("this log")
    assert again.begin(0) == 0, "it reads the partition from its start"
    assert ids(again) == []
    again.close()
