"""Two banks as one: ACH goes to the one that makes files of it, every other rail to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

import structlog

from payments.rails import ACH_RAILS
from rails.bank import Answer, Bank, BankUnavailable, Instruction, OutcomePage, Standing

log = structlog.get_logger(__name__)

# Between the two places of a joint cursor. One without it is of the other bank: the feed was read from there alone.
BETWEEN = " "


class RoutedBank:
    """A `Bank` over two. A reference does not say which of them has it, so both are asked."""

    def __init__(self, *, ach: Bank, other: Bank) -> None:
        self._ach = ach
        self._other = other
        # What a feed is being asked, by its name, with the place: kept from call to call, so that the slower is heard.
        self._asked: dict[str, tuple[str, asyncio.Future[OutcomePage]]] = {}

    async def submit(self, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        by_bank = [
            (bank, [each for each in instructions if (each.rail in ACH_RAILS) is is_ach])
            for bank, is_ach in ((self._ach, True), (self._other, False))
        ]
        return _merged(await _all(*(bank.submit(some) for bank, some in by_bank if some)))

    async def ask(self, references: Sequence[str]) -> dict[str, Answer]:
        heard = await _all(self._ach.ask(references), self._other.ask(references))
        answers = _merged([{ref: each for ref, each in some.items() if _says_something(each)} for some in heard])
        if len(heard) == 2:
            # Only both together can deny having it: what one has not received, the other may have.
            denied = [ref for ref in references if ref not in answers and all(ref in some for some in heard)]
            answers |= {ref: Answer(reference=ref, standing=Standing.NOT_RECEIVED) for ref in denied}
        elif not answers:
            # Not an empty answer: what is not answered is asked again at once, what is not reached ever more rarely.
            raise BankUnavailable("one of the two banks was not reached, and the other knows none of these")
        return answers

    async def outcomes(self, after: str, limit: int, wait_s: float) -> OutcomePage:
        """Return what either tells, waiting for the first; one that cannot be reached does not silence the other."""
        other_after, _, ach_after = after.partition(BETWEEN)
        half = max(1, limit // 2)
        asked = {
            "ach": self._asking("ach", self._ach, ach_after, half, wait_s),
            "other": self._asking("other", self._other, other_after, half, wait_s),
        }
        try:
            pages = await _first_told(asked)
        except asyncio.CancelledError:
            for each in asked.values():
                each.cancel()
            await asyncio.gather(*asked.values(), return_exceptions=True)
            raise
        finally:
            self._asked = {name: known for name, known in self._asked.items() if not known[1].done()}
        ach, other = pages.get("ach"), pages.get("other")
        cursors = (other.cursor if other else other_after, ach.cursor if ach else ach_after)
        told = (*(ach.outcomes if ach else ()), *(other.outcomes if other else ()))
        return OutcomePage(outcomes=told, cursor=BETWEEN.join(cursors))

    def _asking(self, name: str, bank: Bank, after: str, limit: int, wait_s: float) -> asyncio.Future[OutcomePage]:
        """Return what is being asked already of this place, or ask."""
        if name in self._asked:
            asked_after, asking = self._asked[name]
            if asked_after == after:
                return asking
            asking.cancel()
        asking = asyncio.ensure_future(bank.outcomes(after, limit, wait_s))
        self._asked[name] = (after, asking)
        return asking


async def _first_told(asked: Mapping[str, asyncio.Future[OutcomePage]]) -> dict[str, OutcomePage]:
    """Return the pages that are there when the first tells something, or when both have answered.

    Raises BankUnavailable when one was not reached and the other has nothing to tell.
    """
    open_ = set(asked.values())
    while open_:
        done, open_ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
        if any(each.exception() is None and each.result().outcomes for each in done):
            break
    pages: dict[str, OutcomePage] = {}
    unreached: BaseException | None = None
    for name, each in asked.items():
        if each.done():
            error = each.exception()
            if error is None:
                pages[name] = each.result()
            elif isinstance(error, BankUnavailable):
                unreached = error
            else:
                raise error
    if unreached is not None:
        if not any(page.outcomes for page in pages.values()):
            raise unreached
        log.warning("outcome_feed_read_in_part", error=str(unreached))
    return pages


async def _all(*asked: Awaitable[dict[str, Answer]]) -> list[dict[str, Answer]]:
    """Return the answers of those who gave any; raises BankUnavailable when nobody did."""
    heard: list[dict[str, Answer]] = []
    unreached: BankUnavailable | None = None
    for each in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(each, BankUnavailable):
            unreached = each
        elif isinstance(each, BaseException):
            raise each
        else:
            heard.append(each)
    if unreached is not None and not heard:
        raise unreached
    return heard


def _merged(heard: Sequence[dict[str, Answer]]) -> dict[str, Answer]:
    return {reference: answer for some in heard for reference, answer in some.items()}


def _says_something(answer: Answer) -> bool:
    return answer.standing is not Standing.NOT_RECEIVED
