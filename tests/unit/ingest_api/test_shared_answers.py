"""What several ask at once is found out once, and no longer true when it is old."""

from __future__ import annotations

import asyncio

import pytest

from ingest_api.shared_answers import SharedAnswers


def test_those_who_ask_at_once_share_an_answer_by_its_key() -> None:
    asked: list[str] = []
    may_answer = asyncio.Event()

    async def find(key: str) -> str:
        asked.append(key)
        await may_answer.wait()
        return key.upper()

    async def story() -> None:
        answers = SharedAnswers(find)
        waiting = [asyncio.ensure_future(answers.get(key)) for key in ("a", "b", "a", "a")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        may_answer.set()
        assert await asyncio.gather(*waiting[1:]) == ["B", "A", "A"]
        assert asked == ["a", "b"]

    asyncio.run(story())


def test_an_old_answer_is_found_anew() -> None:
    asked = 0

    async def find(_key: str) -> int:
        nonlocal asked
        asked += 1
        return asked

    async def story() -> None:
        assert await SharedAnswers(find, kept_s=60).get("a") == 1
        old = SharedAnswers(find, kept_s=-1)
        assert [await old.get("a"), await old.get("a")] == [2, 3]

    asyncio.run(story())


def test_a_failure_is_told_to_who_waits_and_not_kept() -> None:
    failing = True

    async def find(_key: str) -> str:
        if failing:
            raise RuntimeError("stopped")
        return "found"

    async def story() -> None:
        nonlocal failing
        answers = SharedAnswers(find, kept_s=60)
        for told in await asyncio.gather(answers.get("a"), answers.get("a"), return_exceptions=True):
            assert isinstance(told, RuntimeError)
        with pytest.raises(RuntimeError):
            await answers.get("a")
        failing = False
        assert await answers.get("a") == "found"

    asyncio.run(story())
