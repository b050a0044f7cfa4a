"""Load, poison and faults follow from the seed, and hold everything that they promise."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chaos.faults import corrupt, wipe
from chaos.plan import PAYERS, Planned, Trouble, plan
from chaos.poison import KINDS, poison
from chaos.schedule import PAUSE_S, FaultKind, NoSuchFault, pairs, schedule
from schemas import codec

COMPONENTS = {
    "api-0": "api", "stream-0": "stream", "stream-1": "stream", "rails": "rails", "bank": "bank",
    "projector": "projector", "kafka": "kafka", "postgres": "postgres",
}  # fmt: skip
ACCOUNTS = {kind: [f"payer of {kind}"] for kind in PAYERS}
SESSION_TIMEOUT_S = 10.0


def planned(seed: int, payments: int = 2000) -> list[Planned]:
    return list(plan(seed, payments=payments, rate=100, payers=ACCOUNTS, payees=["landlord"]))


def test_the_same_seed_plans_the_same_and_another_another() -> None:
    assert planned(1) == planned(1)
    assert planned(1) != planned(2)
    assert [each.at_s for each in planned(1, 3)] == [0, 0.01, 0.02]


def test_the_load_has_every_channel_rail_payer_and_trouble() -> None:
    load = planned(1, 10_000)
    twists = [twist for each in load for twist in each.twists]
    assert len({each.channel for each in load}) == 4
    assert len({each.terms.rail for each in load}) == 4
    assert {each.terms.payer for each in load} == {f"payer of {kind}" for kind in PAYERS}
    assert {twist.trouble for twist in twists} == set(Trouble)
    conflicts = [(each, t) for each in load for t in each.twists if t.trouble is Trouble.CONFLICT]
    assert all(twist.terms != each.terms for each, twist in conflicts)
    refunds = [(each.terms.amount_minor, t) for each in load for t in each.twists if t.trouble is Trouble.REFUND]
    asked = [None if twist.refund_minor is None else twist.refund_minor - of for of, twist in refunds]
    assert {None, 0, 1} <= set(asked), "all that is left, all of it, and too much"
    assert any(difference < 0 for difference in asked if difference is not None), "and a part"
    keys = [[t.refund_key for t in each.twists if t.trouble is Trouble.REFUND] for each in load]
    assert any(len(set(of_one)) < len(of_one) for of_one in keys), "some keys are used again"


def test_the_same_seed_schedules_the_same_faults_in_order_and_in_time() -> None:
    faults = schedule(7, faults=60, over_s=600, components=COMPONENTS)
    assert faults == schedule(7, faults=60, over_s=600, components=COMPONENTS)
    assert faults != schedule(8, faults=60, over_s=600, components=COMPONENTS)
    times = [fault.at_s for fault in faults]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 600


def test_every_fault_happens_before_any_happens_again() -> None:
    possible = pairs(COMPONENTS)
    faults = schedule(7, faults=len(possible), over_s=600, components=COMPONENTS)
    assert sorted((fault.kind, fault.target) for fault in faults) == sorted(possible)
    killed = {target for kind, target in possible if kind is FaultKind.KILL}
    assert killed == set(COMPONENTS)
    assert (FaultKind.WIPE, "bank") not in possible, "the bank's books cannot be had again"


def test_faults_can_be_restricted_to_a_kind_and_a_component() -> None:
    def hit(*only: str) -> set[tuple[str, str]]:
        faults = schedule(1, faults=9, over_s=60, components=COMPONENTS, only=only)
        assert len(faults) == 9
        return {(fault.kind, fault.target) for fault in faults}

    assert hit("leave") == {("leave", "stream-0"), ("leave", "stream-1")}
    assert hit("pause:stream", "kill:bank") == {("pause", "stream-0"), ("pause", "stream-1"), ("kill", "bank")}
    assert hit("wipe:stream-1") == {("wipe", "stream-1")}
    with pytest.raises(NoSuchFault):
        hit("wipe:bank")


def test_pauses_outlast_the_session_time_out() -> None:
    faults = schedule(1, faults=200, over_s=600, components=COMPONENTS)
    pauses = [fault.lasts_s for fault in faults if fault.kind in (FaultKind.PAUSE, FaultKind.LEAVE)]
    assert pauses
    assert min(pauses) >= PAUSE_S[0] > SESSION_TIMEOUT_S


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_poison_can_be_obeyed(kind: str) -> None:
    """A record is poison when it does not decode, or its key is not that of its value, or it is on another topic."""
    record = KINDS[kind](random.Random(1), 5)
    try:
        value = codec.decode(record.value)
    except (codec.Undecodable, codec.UnknownSchema):
        return
    assert record.topic == "rail-reports" or record.key != value.key.encode()  # type: ignore[union-attr]


def test_no_two_poisons_are_equal_and_the_number_fixes_each() -> None:
    made = [poison(random.Random(n), n) for n in range(300)]
    assert made == [poison(random.Random(n), n) for n in range(300)]
    assert {kind for kind, _ in made} == set(KINDS)
    assert len({(record.key, record.value) for _, record in made}) == len(made)


def test_corruption_and_wiping_leave_nothing_as_it_was(tmp_path: Path) -> None:
    inner = tmp_path / "rocks"
    inner.mkdir()
    files = [tmp_path / "open.sqlite", inner / "000001.sst"]
    for file in files:
        file.write_bytes(b"a" * 10_000)
    corrupt(tmp_path, random.Random(3))
    assert all(file.read_bytes() != b"a" * 10_000 for file in files)
    wipe(tmp_path)
    assert tmp_path.is_dir()
    assert list(tmp_path.iterdir()) == []
