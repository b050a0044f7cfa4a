"""Whether a debit that came back is presented again, and when: decided, and written down, when its return is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from msgspec import Struct

from payments.calendar import add_banking_days
from payments.windows import eastern, instant_us
from rails.nacha.second_entries import retry_fault
from schemas.origination import AchReturn, AchSender


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTerms:
    """A debit is presented again up to `times` (0: never), each `after_banking_days` after its return was read."""

    times: int = 0
    after_banking_days: int = 3


class Postponable(Struct, frozen=True, kw_only=True):
    """A debit that may be presented again: how often it was, who sent it at first, and when it settled at first."""

    retries: int
    first_sender: AchSender
    first_settles_at_us: int


def present_again_at_us(returned: AchReturn, debit: Postponable, terms: RetryTerms, sender: AchSender) -> int | None:
    """Return from when on a debit that comes back is to wait for a file again, or None: its payment fails.

    Beside what Nacha says of the reason, the count and the days (`second_entries.retry_fault`), the company must be the
    same as in the first entry; amount and parties are, as they are the payment's.
    """
    if debit.retries >= terms.times or _company(sender) != _company(debit.first_sender):
        return None
    on = add_banking_days(eastern(returned.received_at_us).date(), terms.after_banking_days)
    settled_on = eastern(debit.first_settles_at_us).date()
    if retry_fault(returned.code, presented_again=debit.retries, settled_on=settled_on, on=on) is not None:
        return None
    return instant_us(on, time(0, 0))


def _company(sender: AchSender) -> tuple[str, str]:
    return sender.company_name, sender.company_identification
