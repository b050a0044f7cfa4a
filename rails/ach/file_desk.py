"""What an originator writes down: payments that it takes, files that it cuts off, what settles and what comes back.

Every method decides by the book and appends what it decided, in the one thread that writes: nothing comes between.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import time
from functools import partial
from typing import BinaryIO

import msgspec
import structlog

from business_clock import Clock
from directory.sealing import NONCE_BYTES, Keyring
from kafka_log.batches import in_batches
from payments.calendar import DAY
from payments.rails import ACH_RAILS, Rail
from payments.windows import BankHours, eastern, instant_us
from payments.windows import Leg as WindowLeg
from rails.ach import metrics
from rails.ach.bank_answers import answers_of
from rails.ach.cut_offs import FILE_ID_MODIFIERS, Due, file_window, first_due, still_due
from rails.ach.dishonored_returns import UNTIMELY_RETURN
from rails.ach.numbers import account_hashes, seal_numbers
from rails.ach.origination import Origination
from rails.ach.payment_file import unwritable
from rails.ach.phases import Leg
from rails.ach.retries import RetryTerms, present_again_at_us
from rails.ach.return_watch import ReturnWatch
from rails.bank import Answer, Instruction, Standing
from rails.nacha.contents import SEQUENCE_MAX
from rails.nacha.payment_entries import first_live_day
from schemas.origination import (
    AchCutOff,
    AchDelivery,
    AchNotice,
    AchParty,
    AchPayment,
    AchReturn,
    AchSender,
    AchSettlement,
)

log = structlog.get_logger(__name__)

CURRENCY = "USD"  # Of every entry class that is written here.
REFUSED_CODE = "instruction_invalid"
ANSWERS_AT_ONCE = 1000  # In one transaction: of an incoming file of any size so many are in memory.
LOGGED_PROBLEMS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By what an originator works: `lead_us` before a window closes its file is cut off. `prenotes`: whether an account
    is tried before it is debited for the first time. `dishonors`: whether returns that come too late are sent back."""

    sender: AchSender
    keyring: Keyring = field(repr=False)
    lead_us: int
    retries: RetryTerms = field(default_factory=RetryTerms)
    prenotes: bool = False
    dishonors: bool = False
    hours: BankHours = field(default_factory=BankHours)


class FileDesk:
    """The decisions, each with its record. Not for several threads at once."""

    def __init__(self, origination: Origination, terms: Terms, clock: Clock) -> None:
        self._log = origination
        self._terms = terms
        self._clock = clock
        self._reading = origination.reading
        self._return_watch = ReturnWatch(self._reading, clock)

    def take(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        """Take what is new and can be written into a file, and return the standing of all."""
        known = self._reading.known([each.reference for each in instructions])
        new = {each.reference: each for each in instructions if each.reference not in known}
        faults = _faults(list(new.values()), self._terms.sender)
        fresh = [self._payment(each) for reference, each in new.items() if reference not in faults]
        if fresh:
            self._log.append(fresh)
        metrics.TAKEN.inc(len(fresh))
        metrics.REFUSED.inc(len(faults))
        refused = {
            reference: Answer(reference=reference, standing=Standing.REFUSED, code=REFUSED_CODE, reason=fault)
            for reference, fault in faults.items()
        }
        return refused | self._reading.answers([*known, *(each.reference for each in fresh)])

    def do_next(self) -> int | None:
        """Do the first thing that is due, and return when it was due; or when the first will be, or None for never."""
        steps: list[tuple[int, Callable[[], None]]] = []
        if (settlement := self._reading.next_settlement()) is not None:
            number, settles_at_us = settlement
            steps.append((settles_at_us, partial(self._settle, number, settles_at_us)))
        for rail in sorted(ACH_RAILS):
            if (due := self._cut_off_due(rail)) is not None:
                steps.append((due.due_at_us, partial(self._cut_off, rail, due)))
        if not steps:
            return None
        due_at_us, do = min(steps, key=lambda step: step[0])
        if due_at_us <= self._clock.now_us():
            do()
        return due_at_us

    def delivered(self, file_number: int, sha256: bytes) -> None:
        """Write down that a file was handed in: after its deadline it settles with a later window."""
        filed = self._reading.file(file_number)
        assert filed is not None
        cut_off = filed.cut_off
        at_us = self._clock.dated_us(cut_off.created_at_us)
        settles_at_us = cut_off.settles_at_us
        if at_us > cut_off.deadline_us:
            metrics.LATE_FILES.inc()
            settles_at_us = file_window(self._terms.hours, cut_off.rail, at_us).settles_at_us
            log.error("ach_file_late", file_number=file_number, late_us=at_us - cut_off.deadline_us)
        delivery = AchDelivery(
            file_number=file_number, sha256=sha256, delivered_at_us=at_us, settles_at_us=settles_at_us
        )
        self._log.append([delivery])
        metrics.FILES.labels(cut_off.rail.value).inc()
        metrics.ENTRIES.labels(cut_off.rail.value).inc(cut_off.entries)
        log.info("ach_file_handed_in", file_number=file_number, rail=cut_off.rail.value, entries=cut_off.entries)
        self._return_watch.look()

    def record_answers(self, file: BinaryIO, file_sha256: bytes) -> int:
        """Write down what a file from the bank says, but for the lines that were read before; return how many."""
        before = self._reading.lines_noted(file_sha256)
        answers = answers_of(
            file,
            file_sha256=file_sha256,
            keyring=self._terms.keyring,
            nonce=_nonce,
            received_at_us=self._clock.now_us(),
        )
        fresh = (each for each in answers if each.line not in before)
        count = 0
        for some in in_batches(fresh, ANSWERS_AT_ONCE):
            self._log.append([self._answered(each) for each in some])
            count += len(some)
        metrics.INCOMING.inc(count)
        if count:
            self._call_a_person(file_sha256)
        return count

    def show_problems(self) -> None:
        """Show how many answers a person has to look at, and whether too many debits come back."""
        for problem, count in self._reading.problems().items():
            metrics.PROBLEMS.labels(problem).set(count)
        self._return_watch.look()

    def _call_a_person(self, file_sha256: bytes) -> None:
        problems = self._reading.problems_of(file_sha256)
        self.show_problems()
        if problems:
            shown = problems[:LOGGED_PROBLEMS_MAX]
            log.error("ach_answers_for_a_person", file=file_sha256.hex(), count=len(problems), answers=shown)

    def _answered(self, came: AchReturn | AchNotice) -> AchReturn | AchNotice:
        """Say in a return whether its entry is presented again, or it is dishonored: the book knows no terms."""
        if isinstance(came, AchNotice):
            return came
        if self._terms.dishonors and self._reading.is_dishonorable(came):
            return msgspec.structs.replace(came, dishonored_as=UNTIMELY_RETURN)
        debit = self._reading.postponable(came.original_trace_number) if self._terms.retries.times else None
        if debit is None:
            return came
        again_at_us = present_again_at_us(came, debit, self._terms.retries, self._terms.sender)
        return msgspec.structs.replace(came, present_again_at_us=again_at_us)

    def _payment(self, instruction: Instruction) -> AchPayment:
        submitted_at_us = self._clock.dated_us(instruction.claimed_at_us)
        travels_by = self._terms.hours.window_at(
            instruction.rail,
            submitted_at_us + self._terms.lead_us,
            WindowLeg.DEBIT,
            amount_minor=instruction.amount_minor,
        ).rail
        accounts = self._accounts_to_try(instruction)
        return AchPayment(
            reference=instruction.reference,
            payment_key=instruction.payment_key,
            rail=instruction.rail,
            travels_by=travels_by,
            amount_minor=instruction.amount_minor,
            currency=instruction.currency,
            payer=AchParty(holder=instruction.debit.holder, account_type=instruction.debit.account_type),
            payee=AchParty(holder=instruction.credit.holder, account_type=instruction.credit.account_type),
            numbers=seal_numbers(instruction, self._terms.keyring, _nonce()),
            claimed_at_us=instruction.claimed_at_us,
            settle_by_us=instruction.settle_by_us,
            submitted_at_us=submitted_at_us,
            is_refund=instruction.is_refund,
            payer_account=accounts[0] if accounts else None,
            is_prenoted=bool(accounts) and not self._reading.is_proven(accounts),
        )

    def _accounts_to_try(self, instruction: Instruction) -> tuple[bytes, ...]:
        """Return the hashes of the account that is debited, the current key's first; none when it is not to be tried:
        a refund's is one that was credited before."""
        if not self._terms.prenotes or instruction.is_refund:
            return ()
        return account_hashes(instruction.debit, self._terms.keyring)

    def _settle(self, file_number: int, settled_at_us: int) -> None:
        filed = self._reading.file(file_number)
        assert filed is not None
        debits_from_us: int | None = None
        if any(part.leg is Leg.PRENOTE for part in filed.counts):
            debits_from_us = instant_us(first_live_day(eastern(settled_at_us).date()), time(0, 0))
        self._log.append(
            [AchSettlement(file_number=file_number, settled_at_us=settled_at_us, debits_from_us=debits_from_us)]
        )
        log.info("ach_file_settled", file_number=file_number)

    def _cut_off_due(self, rail: Rail) -> Due | None:
        """Return the file of a rail that is due next, or None while nothing waits."""
        since_us = self._reading.waits_since_us(rail)
        if since_us is None:
            return None
        hours, lead_us = self._terms.hours, self._terms.lead_us
        due = first_due(hours, rail, since_us, lead_us=lead_us)
        if due.due_at_us <= self._clock.now_us():
            at_us = self._clock.dated_us(due.due_at_us)
            due = still_due(hours, rail, due, at_us, lead_us=lead_us)
            if self._reading.next_file(eastern(at_us).date()).files_that_day >= len(FILE_ID_MODIFIERS):
                metrics.NO_FILE_ID.inc()
                tomorrow_us = instant_us(eastern(at_us).date() + DAY, time(0, 0))
                return Due(due_at_us=tomorrow_us, window=file_window(hours, rail, tomorrow_us))
        return due

    def _cut_off(self, rail: Rail, due: Due) -> None:
        """Cut off the files that all of a rail's waiting entries need, as far as the day has file ids."""
        created_at_us = self._clock.dated_us(due.due_at_us)
        numbers = self._reading.next_file(eastern(created_at_us).date())
        file_number, first_sequence = numbers.file_number, numbers.first_sequence
        cut_offs = []
        for modifier, entries in zip(
            FILE_ID_MODIFIERS[numbers.files_that_day :], self._reading.counts_by_file(rail, created_at_us), strict=False
        ):
            if first_sequence + entries - 1 > SEQUENCE_MAX:
                first_sequence = 1
            cut_offs.append(
                AchCutOff(
                    file_number=file_number,
                    rail=rail,
                    deadline_us=due.window.closes_at_us,
                    settles_at_us=due.window.settles_at_us,
                    created_at_us=created_at_us,
                    file_id_modifier=modifier,
                    first_sequence=first_sequence,
                    entries=entries,
                    sender=self._terms.sender,
                )
            )
            file_number += 1
            first_sequence += entries
        self._log.append(cut_offs)
        for cut_off in cut_offs:
            log.info("ach_file_cut_off", file_number=cut_off.file_number, rail=rail.value, entries=cut_off.entries)


def _faults(instructions: Sequence[Instruction], sender: AchSender) -> dict[str, str]:
    """Return those that cannot be taken, by reference, and why."""
    faults: dict[str, str] = {}
    for each in instructions:
        if each.rail not in ACH_RAILS:
            faults[each.reference] = f"rail: must be one of {', '.join(sorted(ACH_RAILS))}"
        elif each.currency != CURRENCY:
            faults[each.reference] = f"currency: must be {CURRENCY}"
    return faults | unwritable([each for each in instructions if each.reference not in faults], sender)


def _nonce() -> bytes:
    return secrets.token_bytes(NONCE_BYTES)
