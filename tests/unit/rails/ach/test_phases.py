"""The table of moves, held against what the money does: every history of entries, walked to its end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from rails.ach.phases import DEBIT_LEGS, FOR_PEOPLE, MOVES, WAITING, Fate, Leg, Phase, Told
from rails.bank import Result
from rails.nacha.second_entries import REPRESENTMENTS_MAX

# What a leg that took place adds to what the payer, the payee and we have.
PAYER = {Leg.PRENOTE: 0, Leg.DEBIT: -1, Leg.RETRY: -1, Leg.CREDIT: 0, Leg.GIVE_BACK: 1, Leg.DISHONOR: -1}
PAYEE = {Leg.PRENOTE: 0, Leg.DEBIT: 0, Leg.RETRY: 0, Leg.CREDIT: 1, Leg.GIVE_BACK: 0, Leg.DISHONOR: 0}
# Where the money is when nothing is under way: with the payer (against before), the payee, and us.
AT_REST = {
    Phase.CREDIT_WAITS: (-1, 0),
    Phase.COMPLETED: (-1, 1),
    Phase.FAILED: (0, 0),
    Phase.RETURNED: (0, 1),
    Phase.DISHONOR_WAITS: (0, 1),
    Phase.GIVE_BACK_WAITS: (-1, 0),
    Phase.GIVEN_BACK: (0, 0),
    Phase.EVEN: (0, 0),
    Phase.HELD: (-1, 0),
    Phase.GIVEN_TWICE: (1, 0),
    Phase.PRENOTE_WAITS: (0, 0),
    Phase.DEBIT_WAITS: (0, 0),
    Phase.RETRY_WAITS: (0, 0),
}
UNDER_WAY = {
    Phase.PRENOTE_FILED,
    Phase.DEBIT_FILED,
    Phase.CREDIT_FILED,
    Phase.GIVE_BACK_FILED,
    Phase.UNCOVERED,
    Phase.DISHONOR_FILED,
}

BACK = (Fate.RETURNED, Fate.POSTPONED, Fate.DISPUTED)
DEBITING = DEBIT_LEGS | {Leg.DISHONOR}
STARTS = (Phase.DEBIT_WAITS, Phase.PRENOTE_WAITS)


class Entry(NamedTuple):
    """An entry of a payment; `attempt` tells retries apart."""

    leg: Leg
    attempt: int


History = tuple[tuple[Entry, Fate], ...]


def histories() -> Iterator[tuple[History, Phase, tuple[Told, ...]]]:
    """Every way through the table, with where it ends and what was told."""
    unfinished: list[tuple[History, Phase, tuple[Told, ...]]] = [((), each, ()) for each in STARTS]
    while unfinished:
        history, phase, told = unfinished.pop()
        yield history, phase, told
        postponed = sum(fate is Fate.POSTPONED for _, fate in history)
        for leg, fate in itertools.product(Leg, Fate):
            move = MOVES.get((phase, leg, fate))
            entry = Entry(leg, postponed if leg is Leg.RETRY else 0)
            if move is None or (fate is Fate.POSTPONED and postponed == REPRESENTMENTS_MAX):
                continue
            if fate is not Fate.FILED and entry not in out(history):
                # What debits a payer has the same moves: the book asks about the one that is in a file. And a debit
                # waits in the same phase whether a prenote went before it or not.
                assert leg in DEBITING | {Leg.PRENOTE}
                continue
            unfinished.append(((*history, (entry, fate)), move.to, told + move.tells))


def out(history: History) -> list[Entry]:
    """The entries that are in files and have not come back."""
    back = {entry for entry, fate in history if fate in BACK}
    return [entry for entry, fate in history if fate is Fate.FILED and entry not in back]


def money_out(history: History) -> list[Entry]:
    """Those of them that move money."""
    return [entry for entry in out(history) if entry.leg is not Leg.PRENOTE]


def held_by(history: History) -> tuple[int, int]:
    """What payer and payee have more than before, once every filed entry that did not come back has settled."""
    stays = [entry.leg for entry in out(history)]
    return sum(PAYER[leg] for leg in stays), sum(PAYEE[leg] for leg in stays)


def legs(history: History) -> list[tuple[Leg, Fate]]:
    return [(entry.leg, fate) for entry, fate in history]


def test_the_phase_says_where_the_money_is() -> None:
    for history, phase, _ in histories():
        if phase not in UNDER_WAY:
            assert held_by(history) == AT_REST[phase], (history, phase)


def test_every_phase_is_reached_and_no_history_is_endless() -> None:
    found = list(histories())
    assert {phase for _, phase, _ in found} == set(Phase)
    assert max(len(history) for history, _, _ in found) <= 20


def test_an_entry_is_filed_once_and_comes_back_once() -> None:
    for history, _, _ in histories():
        assert len(set(history)) == len(history), history
        back = [entry for entry, fate in history if fate in BACK]
        assert len(set(back)) == len(back), history


def test_whatever_moves_money_may_come_back_and_a_prenote_until_the_debit_is_filed() -> None:
    for history, phase, _ in histories():
        if phase is Phase.DEBIT_WAITS:
            assert all((phase, entry.leg, Fate.RETURNED) in MOVES for entry in out(history))
        for entry in money_out(history):
            assert (phase, entry.leg, Fate.RETURNED) in MOVES, (history, phase)


def test_a_debit_is_presented_again_only_while_nothing_was_passed_on_or_told() -> None:
    presented = set()
    for history, phase, told in histories():
        if phase is Phase.RETRY_WAITS:
            assert told == ()
            assert {entry.leg for entry, _ in history} <= DEBIT_LEGS | {Leg.PRENOTE}
            assert money_out(history) == []
        presented.add(sum(each == (Leg.RETRY, Fate.FILED) for each in legs(history)))
    assert presented == {0, 1, 2}


def test_only_what_waits_is_filed_and_everything_that_waits_can_be() -> None:
    filed = {phase: leg for (phase, leg, fate) in MOVES if fate is Fate.FILED}
    assert filed == WAITING


def test_nothing_is_passed_on_before_the_debit_settled_nor_given_back_before_the_credit_came_back() -> None:
    credit, give_back = (Entry(Leg.CREDIT, 0), Fate.FILED), (Entry(Leg.GIVE_BACK, 0), Fate.FILED)
    for history, _, _ in histories():
        if credit in history:
            before = history[: history.index(credit)]
            [debit] = money_out(before)
            assert (debit, Fate.SETTLED) in before
        if give_back in history:
            before = history[: history.index(give_back)]
            assert (Leg.CREDIT, Fate.RETURNED) in legs(before)
            assert {entry.leg for entry in money_out(before)} <= DEBITING
            assert len(money_out(before)) == 1


def test_nothing_is_debited_whose_prenote_came_back_or_has_not_settled() -> None:
    prenote, debit = Entry(Leg.PRENOTE, 0), (Entry(Leg.DEBIT, 0), Fate.FILED)
    tried = [history for history, _, _ in histories() if (prenote, Fate.FILED) in history]
    assert any(debit in history for history in tried)
    for history in tried:
        if debit in history:
            before = history[: history.index(debit)]
            assert (prenote, Fate.SETTLED) in before
            assert (prenote, Fate.RETURNED) not in history


def test_a_return_is_dishonored_once_and_nothing_is_told_of_it_unless_it_is_contested() -> None:
    disputed, contested = Entry(Leg.DISHONOR, 0), (Entry(Leg.DISHONOR, 0), Fate.RETURNED)
    found = [(history, phase, told) for history, phase, told in histories() if (disputed, Fate.FILED) in history]
    assert {phase for _, phase, _ in found} >= {Phase.COMPLETED, Phase.RETURNED, Phase.GIVEN_BACK, Phase.GIVEN_TWICE}
    for history, _, told in found:
        assert sum(fate is Fate.DISPUTED for _, fate in history) == 1
        if Result.RETURNED in [each.result for each in told]:
            assert contested in history or (Leg.CREDIT, Fate.RETURNED) in legs(history)


def test_what_is_told_is_a_history_that_payments_allow() -> None:
    # Settled at most once, returned at most once, and never settled after it was returned.
    allowed = {(), ("settled",), ("returned",), ("settled", "returned")}
    assert {tuple(each.result.value for each in told) for _, _, told in histories()} == allowed


def test_money_that_arrived_is_told_even_if_it_has_to_come_back() -> None:
    for history, phase, told in histories():
        arrived = (Leg.CREDIT, Fate.SETTLED) in legs(history)
        assert (Result.SETTLED in [each.result for each in told]) == arrived, (history, phase)


def test_a_payment_that_is_over_was_told_so() -> None:
    for _, phase, told in histories():
        if phase not in UNDER_WAY | set(WAITING) - {Phase.GIVE_BACK_WAITS}:
            assert told, phase


def test_people_are_called_only_where_the_money_is_in_the_wrong_place() -> None:
    assert {phase for phase, held in AT_REST.items() if held == (1, 0)} | {Phase.HELD} == FOR_PEOPLE
