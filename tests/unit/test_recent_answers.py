"""Answers of the Hub hold for seconds, are asked for once, and do not pile up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from assay.exchange.identity import Recent


class Hub:
    """Counts the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False

    def __call__(self, key: str) -> Callable[[], Awaitable[str]]:
        async def answer() -> str:
            self.asked.append(key)
            await asyncio.sleep(0)
            if self.fails:
                raise OSError("gone")
            return f"{key} {len(self.asked)}"

        return answer


def test_an_answer_is_remembered_until_it_is_old() -> None:
    now = 100.0

    async def ask() -> None:
        nonlocal now
        hub, recent = Hub(), Recent[str, str](seconds=5, clock=lambda: now)
        assert await recent.get("a", hub("a")) == "a 1"
        now = 104.9
        assert await recent.get("a", hub("a")) == "a 1"
        now = 105.0
        assert await recent.get("a", hub("a")) == "a 2"

    asyncio.run(ask())


def test_who_asks_at_the_same_time_waits_for_one_answer() -> None:
    async def ask() -> None:
        hub, recent = Hub(), Recent[str, str]()
        assert await asyncio.gather(*(recent.get("a", hub("a")) for _ in range(5))) == ["a 1"] * 5

    asyncio.run(ask())


def test_a_failure_is_not_remembered() -> None:
    async def ask() -> None:
        hub, recent = Hub(), Recent[str, str]()
        hub.fails = True
        with pytest.raises(OSError):
            await recent.get("a", hub("a"))
        assert len(recent) == 0
        hub.fails = False
        assert await recent.get("a", hub("a")) == "a 2"

    asyncio.run(ask())


def test_the_oldest_answers_make_room() -> None:
    async def ask() -> None:
        hub, recent = Hub(), Recent[str, str](most=10)
        for number in range(100):
            await recent.get(str(number), hub(str(number)))
        assert len(recent) <= 11
        assert await recent.get("99", hub("99")) == "99 100"
        assert await recent.get("0", hub("0")) == "0 101"

    asyncio.run(ask())
