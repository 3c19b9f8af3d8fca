"""Have something done while something else is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def meanwhile(action: Callable[[], T]) -> Callable[[], T]:
    """Begin. What is returned waits for the end, and then returns or raises what the action did.

    Nobody has to ask: what is still going on does not keep this process from ending.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome.result
