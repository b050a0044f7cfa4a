"""The verdict: all evidence is read, every check is made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chaos.answers import Said, read_answers
from chaos.evidence import Views, read_events, read_rejections, read_totals, read_transfers
from chaos.oracle import bank, books, refused, told, views
from chaos.oracle.history import Log
from chaos.oracle.refunds import Refunds
from chaos.oracle.violation import Violation
from chaos.producers import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the evidence lies: the clients' answers, Kafka, Postgres (the analyst's URI) and the bank."""

    answers: Path
    kafka: str
    analyst: str
    bank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, and how much was looked at."""

    violations: list[Violation]
    accepted: int
    refused: int
    unknown: int
    refunds: int
    events: int
    rejections: int


def judge(
    places: Places, *, partitions: int, silent_payers: frozenset[str], poison: list[tuple[Place, str]]
) -> Verdict:
    """Compare everything with everything; raises EvidenceMissing when a topic cannot be read."""
    log = Log(read_events(places.kafka), partitions=partitions)
    answers = told.Told(read_answers(places.answers))
    rejections = list(read_rejections(places.kafka))
    seen = Views(places.analyst)
    sums, refunds = books.Sums(), Refunds(log)
    violations = [
        *log.violations,
        *told.accepted_are_there(answers, log),
        *told.all_were_asked_for(answers, log),
        *told.terms_are_those_told(answers, log),
        *told.created_once(answers, log),
        *told.refusals_hold(answers, log),
        *told.cancels_went_as_told(answers, log),
        *told.refunds_went_as_told(answers, log),
        *told.all_are_terminal(log, silent_payers),
        *views.payments_equal(seen.payments(), log),
        *views.events_equal(seen.events(), log),
        *books.entries_fit(sums.watch(seen.entries()), log),
        *books.balances_fit(seen.balances(), sums.by_account),
        *bank.transfers_fit(refunds.watch(read_transfers(places.bank)), log),
        *refunds.fit(),
        *bank.books_balance(read_totals(places.bank)),
        *refused.poison_is_refused(poison, rejections),
        *refused.refused_once(rejections),
    ]
    return Verdict(
        violations=violations,
        accepted=sum(1 for _ in answers.accepted),
        refused=answers.count(Said.REFUSED),
        unknown=answers.count(Said.UNKNOWN),
        refunds=refunds.count,
        events=log.events,
        rejections=len(rejections),
    )
